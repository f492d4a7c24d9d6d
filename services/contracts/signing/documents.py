"""Documents that are sent, signed or declined, and returned."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import Reply, Request, only_services, page_of, permission
from services.contracts.fields import Count, Day, EmailAddress, Flag, Id, Ids, Moment, Telephone, Text, one_of
from services.contracts.files import PDF_REFUSALS, FileReference, UploadedFile
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
ACTIONS = ("sign", "decline", "delegate", "return", "remind", "attach", "refuse", "replace")

# Why somebody does not sign.
DECLINE_REASONS = ("wrong_person", "content_wrong", "outdated", "somebody_else_signs", "other")

MEANINGS = ("approval", "review", "authorship", "responsibility")

# What a recipient does with a document. Viewers and those who get a copy decide nothing.
ROLES = ("signer", "approver", "viewer", "copy")

# waiting: others come first. told: viewers and copies. ended: the document was decided without them.
RECIPIENT_STATES = ("waiting", "asked", "told", "signed", "declined", "delegated", "expired", "ended")

# Where a document stands for one of its recipients.
OWN_STANDINGS = ("to_sign", "to_read", "signed_by_you", "handed_on", "late", "done_without_you", *STATES)

MOST_RECIPIENTS = 20
MOST_AT_ONCE = 20
LONGEST_DRAWING = 20_000


def _appearance() -> dict[str, fields.Field[Any]]:
    """How a signature looks. Without both the printed name stands alone, as it does beside them."""
    return {
        "typed_name": Text(load_default=None, allow_none=True, most=120),
        "drawing": fields.String(
            load_default=None,
            allow_none=True,
            validate=[
                validate.Length(max=LONGEST_DRAWING),
                validate.Regexp(
                    r"\d{1,4},\d{1,4}([ ;]\d{1,4},\d{1,4})*\Z", error="Draw it again: this is no drawing."
                ),
            ],
            metadata={
                "description": "lines of points `x,y`, with blanks between points and semicolons between lines"
            },
        ),
    }


class RecipientOrder(Request):
    """Somebody who gets a document: by account, or by e-mail address, which gets an account if it has none."""

    account_id = Id(load_default=None, allow_none=True)
    email = EmailAddress(load_default=None, allow_none=True)
    first_name = Text(load_default=None, allow_none=True, most=100)
    last_name = Text(load_default=None, allow_none=True, most=100)
    role = one_of(ROLES, load_default="signer")
    turn = fields.Integer(
        load_default=1,
        validate=validate.Range(1, MOST_RECIPIENTS),
        metadata={
            "description": "those of one number are asked at once, after all of lower numbers have signed"
        },
    )
    expires_on = Day(
        load_default=None,
        allow_none=True,
        metadata={"description": "the last day on which this one may sign"},
    )


class ShownRecipient(Reply):
    """A recipient of a document. Providers do not see the notes and reasons of others, nor what these have opened."""

    id = Id(required=True)
    account_id = Id(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)
    role = one_of(ROLES, required=True)
    turn = fields.Integer(required=True)
    state = one_of(RECIPIENT_STATES, required=True)
    expires_on = Day(required=True, allow_none=True)
    asked_at = Moment(required=True, allow_none=True)
    viewed_at = Moment(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)
    meaning = one_of(MEANINGS, required=True, allow_none=True)
    reason_code = one_of(DECLINE_REASONS, required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    delegated_by_id = Id(required=True, allow_none=True)
    decision_id = Id(
        required=True,
        allow_none=True,
        metadata={"description": "of a decline, whose signature can be opened"},
    )


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
    message = fields.String(required=True, allow_none=True)
    may_delegate = Flag(required=True)
    must_see_pages = Flag(
        required=True, metadata={"description": "whether a signer has to have seen every page first"}
    )
    signatures_wanted = fields.Integer(required=True)
    signatures_done = fields.Integer(required=True)
    has_certificate = Flag(required=True, metadata={"description": "of completion, once it is decided"})


class ShownDocument(DocumentView):
    """A document as one of its readers sees it. Names are such as "Sam F."; null where they are not known at the moment."""

    actions = fields.List(
        fields.String(validate=validate.OneOf(ACTIONS)),
        required=True,
        metadata={"description": "what the caller may do now"},
    )
    own_role = one_of(
        ROLES, required=True, allow_none=True, metadata={"description": "of the caller; null: no recipient"}
    )
    own_standing = one_of(
        OWN_STANDINGS,
        required=True,
        allow_none=True,
        metadata={"description": "where it stands for the caller, a recipient; null: no recipient"},
    )
    recipients = fields.List(
        fields.Nested(ShownRecipient), metadata={"description": "of one document, not in lists"}
    )
    sender_name = fields.String(required=True, allow_none=True)
    recipient_name = fields.String(required=True, allow_none=True)
    organisation_name = fields.String(
        required=True, allow_none=True, metadata={"description": "the sender's organisation"}
    )
    seen_pages = fields.List(
        fields.Integer(),
        metadata={
            "description": "the pages whose pictures the caller, or else the first signer, has opened before deciding; "
            "of one document, not in lists"
        },
    )


class DocumentPage(Reply):
    """The text of a page, and the size of its picture in pixels."""

    number = fields.Integer(required=True)
    width = fields.Integer(required=True)
    height = fields.Integer(required=True)
    text = fields.String(required=True)
    is_cut = Flag(required=True, metadata={"description": "whether the text is too long to be told whole"})


send_document = contract.command(
    "send_document",
    "Send a PDF for signature: by e-mail to one recipient or several, by fax, or on paper. A plan of care says when care began. With "
    "`replaces_document_id` it is the next version of a declined document.",
    request={
        "document": fields.Nested(UploadedFile, required=True),
        "title": Text(required=True, most=120),
        "channel": fields.String(load_default="email", validate=validate.OneOf(CHANNELS)),
        "recipient_account_id": Id(
            load_default=None, allow_none=True, metadata={"description": "one signer; or `recipients`"}
        ),
        "recipients": fields.List(
            fields.Nested(RecipientOrder), load_default=list, validate=validate.Length(max=MOST_RECIPIENTS)
        ),
        "message": Text(
            load_default=None,
            allow_none=True,
            most=2000,
            metadata={"description": "shown beside the document"},
        ),
        "may_delegate": Flag(load_default=False),
        "must_see_pages": Flag(load_default=False),
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
        *PDF_REFUSALS,
        "document_certified",
        "document_signatures_full",
    ),
    status=201,
    timeout_s=45,  # a large document is screened and tried
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
        **_appearance(),
    },
    reply=DocumentView,
    access=permission("document.sign"),
    errors=(
        "not_found",
        "already_decided",
        "conflict",
        "pages_unseen",
        "document_unreadable",
        "document_already_signed",
        "document_signatures_full",
        "document_certified",
        "request_too_large",
    ),
    expects_version=True,
    timeout_s=20,
)

sign_documents = contract.command(
    "sign_documents",
    "Sign several documents in one act. Each must have been opened before; each is answered by itself.",
    request={
        "document_ids": Ids(required=True, validate=validate.Length(min=1, max=MOST_AT_ONCE)),
        "meaning": fields.String(required=True, validate=validate.OneOf(MEANINGS)),
        **_appearance(),
    },
    reply={
        "signed": fields.Integer(required=True),
        "items": fields.List(
            fields.Nested(
                {
                    "document_id": Id(required=True),
                    "title": fields.String(required=True, allow_none=True),
                    "outcome": fields.String(
                        required=True, metadata={"description": "signed, or the code of the refusal"}
                    ),
                    "detail": fields.String(required=True, allow_none=True),
                }
            ),
            required=True,
        ),
    },
    access=permission("document.sign"),
    timeout_s=30,
)

delegate_document = contract.command(
    "delegate_document",
    "Let somebody else sign in the caller's place, where the sender allows it. They are asked at once; they cannot hand it on.",
    request={
        "document_id": Id(required=True),
        "email": EmailAddress(required=True),
        "first_name": Text(load_default=None, allow_none=True, most=100),
        "last_name": Text(load_default=None, allow_none=True, most=100),
    },
    reply=DocumentView,
    access=permission("document.sign"),
    errors=("not_found", "already_decided", "conflict", "recipient_refused", "feature_is_off"),
    expects_version=True,
)

decline_document = contract.command(
    "decline_document",
    "Decline to sign, with the reason: a code, and words, which may be left out beside a code other than `other`. It ends the "
    "document; the sender and those who have signed are told.",
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

document_shared = contract.event(
    "document_shared",
    "A document is there for recipients who only read it.",
    data={"document_id": Id(required=True), "account_ids": Ids(required=True)},
)

signed_document_declined = contract.event(
    "signed_document_declined",
    "A document was declined by one signer after others had signed it.",
    data={"document_id": Id(required=True), "account_ids": Ids(required=True)},
)

signature_request_expired = contract.event(
    "signature_request_expired", "The last day of a signer has passed without a decision.", data=_DOCUMENT
)

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
