"""Documents that are sent, signed or declined, and returned."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, only_services, page_of, permission
from services.contracts.fields import Count, Day, Flag, Id, Moment, Telephone, Text
from services.contracts.referrals.directory_imports import Document
from services.contracts.signing import contract

STATES = ("sent", "signed", "declined", "returned")

# unsigned: all that is not returned yet: awaiting signature, to return, declined and not sent again.
# plans_of_care: the plans of care among them.
REPORTS = ("unsigned", "plans_of_care")

# How the document reaches its signer: a mail to an account, a fax, or paper that staff print and hand over.
CHANNELS = ("email", "fax", "print")

KINDS = ("document", "plan_of_care")

FAX_STATES = ("waiting", "sent", "failed")

# What the caller may do with a document now.
ACTIONS = ("sign", "decline", "return", "remind", "attach", "refuse", "replace")

# Why somebody does not sign.
DECLINE_REASONS = ("wrong_person", "content_wrong", "outdated", "somebody_else_signs", "other")

MEANINGS = ("approval", "review", "authorship", "responsibility")


class DocumentView(Reply):
    """A document on its way to a signature and back."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)
    contact_record_id = Id(allow_none=True)
    sender_account_id = Id(required=True)
    recipient_account_id = Id(required=True, allow_none=True, metadata={"description": "null on paper"})
    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    addressee = fields.String(
        required=True, allow_none=True, metadata={"description": "who signs on paper, as staff wrote it"}
    )
    fax_number = fields.String(required=True, allow_none=True)
    fax_state = fields.String(required=True, allow_none=True, validate=validate.OneOf(FAX_STATES))
    faxed_at = Moment(required=True, allow_none=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    care_began_on = Day(required=True, allow_none=True)
    respond_by = Day(required=True, allow_none=True)
    is_overdue = Flag(required=True, metadata={"description": "undecided after `respond_by`"})
    days_left = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "of the 30 days from the beginning of care until the plan must be on its way; below 0: late. "
            "Null for other documents and once it is signed"
        },
    )
    revision = fields.Integer(required=True, metadata={"description": "1, 2 … of a document sent again"})
    replaces_document_id = Id(required=True, allow_none=True)
    replaced_by_document_id = Id(required=True, allow_none=True)
    is_wet = Flag(required=True, metadata={"description": "signed on paper; the file is a copy of it"})
    signed_on = Day(
        required=True, allow_none=True, metadata={"description": "of a wet signature, as written on paper"}
    )
    reminders = fields.Integer(required=True)
    reminded_at = Moment(required=True, allow_none=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    standing = fields.String(
        required=True,
        metadata={
            "description": "in the Unsigned report: awaiting signature; signed, to return; declined; returned"
        },
    )
    meaning = fields.String(allow_none=True, validate=validate.OneOf(MEANINGS))
    reason_code = fields.String(allow_none=True, validate=validate.OneOf(DECLINE_REASONS))
    note = fields.String(allow_none=True)
    pages = fields.Integer(required=True)
    sent_at = Moment(required=True)
    viewed_at = Moment(allow_none=True)
    decided_at = Moment(allow_none=True)
    returned_at = Moment(allow_none=True)
    sha256 = fields.String(required=True, metadata={"description": "of the file as it stands now"})
    is_signed = Flag(required=True)


class ShownDocument(DocumentView):
    """A document as one of its readers sees it. Names are such as "Sam F."; null where they are not known at the moment."""

    actions = fields.List(
        fields.String(validate=validate.OneOf(ACTIONS)),
        required=True,
        metadata={"description": "what the caller may do now"},
    )
    sender_name = fields.String(required=True, allow_none=True)
    recipient_name = fields.String(required=True, allow_none=True)
    organisation_name = fields.String(
        required=True, allow_none=True, metadata={"description": "the sender's organisation"}
    )
    seen_pages = fields.List(
        fields.Integer(),
        metadata={
            "description": "the pages whose pictures the recipient has opened before deciding; of one document, not in lists"
        },
    )


class DocumentPage(Reply):
    """The text of a page, and the size of its picture in pixels."""

    number = fields.Integer(required=True)
    width = fields.Integer(required=True)
    height = fields.Integer(required=True)
    text = fields.String(required=True)
    is_cut = Flag(required=True, metadata={"description": "whether the text is too long to be told whole"})


class FileReference(Reply):
    """Where the gateway finds the bytes. The message does not carry them."""

    sha256 = fields.String(required=True)
    file_name = fields.String(required=True)
    media_type = fields.String(required=True)


# What an uploaded file may be refused for.
FILE_ERRORS = (
    "document_not_pdf",
    "document_encrypted",
    "document_active_content",
    "document_too_large",
    "document_too_many_pages",
    "document_unreadable",
)

send_document = contract.command(
    "send_document",
    "Send a PDF for signature: by e-mail to a provider's account, by fax, or on paper. A plan of care says when care began. With "
    "`replaces_document_id` it is the next version of a declined document.",
    request={
        "document": fields.Nested(Document, required=True),
        "title": Text(required=True, most=120),
        "channel": fields.String(load_default="email", validate=validate.OneOf(CHANNELS)),
        "recipient_account_id": Id(load_default=None, allow_none=True),
        "addressee": Text(load_default=None, allow_none=True, most=120),
        "fax_number": Telephone(load_default=None, allow_none=True),
        "fax_number_again": Telephone(
            load_default=None,
            allow_none=True,
            metadata={"description": "the same once more, for a number to which no fax has gone yet"},
        ),
        "contact_record_id": Id(load_default=None, allow_none=True),
        "kind": fields.String(load_default="document", validate=validate.OneOf(KINDS)),
        "care_began_on": Day(load_default=None, allow_none=True),
        "respond_by": Day(load_default=None, allow_none=True),
        "replaces_document_id": Id(load_default=None, allow_none=True),
    },
    reply=DocumentView,
    access=permission("document.send"),
    errors=(
        "not_found",
        "recipient_refused",
        "feature_is_off",
        "not_declined",
        *FILE_ERRORS,
    ),
    status=201,
    timeout_s=20,
)

list_documents = contract.query(
    "list_documents",
    "Staff: all documents. Providers: those sent to them, pending and past. Newest first.",
    request={
        "state": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(STATES)),
        "report": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(REPORTS)),
        "is_decided": Flag(
            load_default=None,
            allow_none=True,
            metadata={"description": "true: signed, declined or returned; false: awaiting signature"},
        ),
        "is_mine": Flag(load_default=False, metadata={"description": "only those sent to the caller"}),
        "person_id": Id(
            load_default=None, allow_none=True, metadata={"description": "only those about this person"}
        ),
        "after": fields.String(load_default=None, allow_none=True),
        "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
    },
    reply=page_of(ShownDocument),
    access=permission("document.read"),
)

get_document = contract.query(
    "get_document",
    "One document, with what the caller may do.",
    request={"document_id": Id(required=True)},
    reply=ShownDocument,
    access=permission("document.read"),
    errors=("not_found",),
)

describe_document = contract.query(
    "describe_document",
    "Whether a document exists, for emergency access to it.",
    request={"document_id": Id(required=True)},
    reply={"document_id": Id(required=True)},
    access=only_services("identity"),
    errors=("not_found",),
)

open_document_file = contract.command(
    "open_document_file",
    "The file as it stands now. Every opening is recorded.",
    request={"document_id": Id(required=True)},
    reply=FileReference,
    access=permission("document.read"),
    errors=("not_found",),
)

list_document_pages = contract.query(
    "list_document_pages",
    "The pages of the file as it stands now: their texts. Every opening is recorded.",
    request={
        "document_id": Id(required=True),
        "after": fields.Integer(load_default=0, validate=validate.Range(0, 100_000)),
        "limit": fields.Integer(load_default=50, validate=validate.Range(1, 100)),
    },
    reply={
        "pages": fields.Integer(required=True, metadata={"description": "how many the file has in all"}),
        "items": fields.List(fields.Nested(DocumentPage), required=True),
        "next": fields.Integer(
            required=True, allow_none=True, metadata={"description": "`after` of the following pages"}
        ),
    },
    access=permission("document.read"),
    errors=("not_found", "document_unreadable", "conflict"),
    timeout_s=20,
)

open_document_page = contract.query(
    "open_document_page",
    "The picture of a page of the file as it stands now. Every opening is recorded.",
    request={
        "document_id": Id(required=True),
        "number": fields.Integer(required=True, validate=validate.Range(1, 100_000)),
    },
    reply=FileReference,
    access=permission("document.read"),
    errors=("not_found", "document_unreadable", "conflict"),
    timeout_s=20,
)

sign_document = contract.command(
    "sign_document",
    "Sign a document that was sent to the caller. The result is a PAdES signature.",
    request={
        "document_id": Id(required=True),
        "meaning": fields.String(required=True, validate=validate.OneOf(MEANINGS)),
        "note": Text(load_default=None, allow_none=True, most=2000),
    },
    reply=DocumentView,
    access=permission("document.sign"),
    errors=(
        "not_found",
        "already_decided",
        "conflict",
        "document_unreadable",
        "document_already_signed",
        "document_signatures_full",
        "request_too_large",
    ),
    expects_version=True,
    timeout_s=20,
)

decline_document = contract.command(
    "decline_document",
    "Decline to sign, with the reason: a code, and words, which may be left out beside a code other than `other`. The sender "
    "is told.",
    request={
        "document_id": Id(required=True),
        "reason_code": fields.String(
            load_default=None, allow_none=True, validate=validate.OneOf(DECLINE_REASONS)
        ),
        "note": Text(load_default=None, allow_none=True, most=2000),
    },
    reply=DocumentView,
    access=permission("document.sign"),
    errors=("not_found", "already_decided", "conflict"),
    expects_version=True,
)

mark_returned = contract.command(
    "mark_returned",
    "Mark a signed document as returned to the patient's account.",
    request={"document_id": Id(required=True)},
    reply=DocumentView,
    access=permission("document.send"),
    errors=("not_found", "not_signed"),
    expects_version=True,
)


_DOCUMENT = {
    "document_id": Id(required=True),
    "recipient_account_id": Id(required=True),
    "sender_account_id": Id(required=True),
}

signature_requested = contract.event(
    "signature_requested", "A document waits for a signature.", data=_DOCUMENT
)

document_signed = contract.event("document_signed", "A document was signed.", data=_DOCUMENT)

document_declined = contract.event("document_declined", "A document was declined.", data=_DOCUMENT)

document_returned = contract.event("document_returned", "A signed document was returned.", data=_DOCUMENT)

# On paper nobody has an account.
_ON_PAPER = {"document_id": Id(required=True), "sender_account_id": Id(required=True)}

fax_requested = contract.event(
    "fax_requested",
    "A document is to be faxed to its signer.",
    data={
        **_ON_PAPER,
        # How often it was asked for before: 0 is the first fax of a document.
        "repetition": Count(most=100_000),
    },
)

document_signed_on_paper = contract.event(
    "document_signed_on_paper",
    "Staff attached the copy of a document that was signed on paper.",
    data=_ON_PAPER,
)

document_declined_on_paper = contract.event(
    "document_declined_on_paper",
    "Staff recorded that the signer of a document on paper will not sign.",
    data=_ON_PAPER,
)

paper_returned = contract.event(
    "paper_returned", "A document that was sent to no account was marked as returned.", data=_ON_PAPER
)
