"""Documents that are sent, signed or declined, and returned."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, only_services, page_of, permission
from services.contracts.fields import Flag, Id, Moment, Text
from services.contracts.referrals.directory_imports import Document
from services.contracts.signing import contract

STATES = ("sent", "signed", "declined", "returned")

REPORTS = ("unsigned",)  # all that is not returned yet: awaiting signature, to return, declined

# What the caller may do with a document now.
ACTIONS = ("sign", "decline", "return")

MEANINGS = ("approval", "review", "authorship", "responsibility")


class DocumentView(Reply):
    """A document on its way to a signature and back."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)
    contact_record_id = Id(allow_none=True)
    sender_account_id = Id(required=True)
    recipient_account_id = Id(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    standing = fields.String(
        required=True,
        metadata={
            "description": "in the Unsigned report: awaiting signature; signed, to return; declined; returned"
        },
    )
    meaning = fields.String(allow_none=True, validate=validate.OneOf(MEANINGS))
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


send_document = contract.command(
    "send_document",
    "Send a PDF to a provider's account for signature.",
    request={
        "document": fields.Nested(Document, required=True),
        "title": Text(required=True, most=120),
        "recipient_account_id": Id(required=True),
        "contact_record_id": Id(load_default=None, allow_none=True),
    },
    reply=DocumentView,
    access=permission("document.send"),
    errors=(
        "not_found",
        "recipient_refused",
        "feature_is_off",
        "document_not_pdf",
        "document_encrypted",
        "document_active_content",
        "document_too_large",
        "document_too_many_pages",
        "document_unreadable",
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
        "meaning": fields.String(load_default="approval", validate=validate.OneOf(MEANINGS)),
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
    "Decline to sign, with the reason. The sender is told.",
    request={"document_id": Id(required=True), "note": Text(required=True, most=2000)},
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
