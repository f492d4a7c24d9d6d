"""The way by paper: cover sheets, faxes, and signed copies that come back (S4-2, S4-3)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import Reply, only_services, permission
from services.contracts.fields import Count, Day, Flag, Id, Text
from services.contracts.files import PDF_REFUSALS, FileReference, UploadedFile
from services.contracts.signing import contract
from services.contracts.signing.documents import (
    DECLINE_REASONS,
    DocumentView,
    ShownDocument,
)


class Suggestion(Reply):
    """What a scan is, by the code on its cover sheet. A person looks at it before it is attached."""

    is_recognised = Flag(required=True)
    document = fields.Nested(
        ShownDocument,
        required=True,
        allow_none=True,
        metadata={"description": "null where no code was found"},
    )
    scan = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "by what the caller attaches this scan within 14 minutes, without sending it again; null where it was "
            "not recognised, or its document does not wait for a copy"
        },
    )
    pages = Count(required=True, metadata={"description": "pages of the scan"})


def _scan() -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Regexp(r"[A-Za-z0-9_=-]{1,600}\Z", error="this is no scan that was recognised"),
        metadata={"description": "`scan` of the answer of recognise_scan"},
    )


def _by_hand() -> dict[str, fields.Field[Any]]:
    return {
        "signed_on": Day(
            required=True, metadata={"description": "the day that is written beside the signature"}
        ),
        "note": Text(load_default=None, allow_none=True, most=2000),
    }


open_cover_sheet = contract.command(
    "open_cover_sheet",
    "The cover sheet to print or fax before a document: for whom it is, how to return it, and the code by which the copy that "
    "comes back is recognised.",
    request={"document_id": Id(required=True)},
    reply=FileReference,
    access=permission("document.send"),
    errors=("not_found",),
)

recognise_scan = contract.command(
    "recognise_scan",
    "Which document a scanned copy is, by the code on its cover sheet. Nothing is changed. The scan is held for 15 minutes, in which "
    "the caller may look at it and attach it.",
    request={"document": fields.Nested(UploadedFile, required=True)},
    reply=Suggestion,
    access=permission("document.send"),
    errors=("not_found", *PDF_REFUSALS),
    timeout_s=20,
)

open_scan_page = contract.query(
    "open_scan_page",
    "The picture of a page of a scan that the caller has recognised. Every opening is recorded.",
    request={
        "scan": _scan(),
        "number": fields.Integer(required=True, validate=validate.Range(1, 100_000)),
    },
    reply=FileReference,
    access=permission("document.send"),
    errors=("not_found", "scan_expired", "document_unreadable"),
    timeout_s=20,
)

attach_recognised_scan = contract.command(
    "attach_recognised_scan",
    "Attach a scan that the caller has recognised to the document that its cover sheet names, as attach_signed_copy does.",
    request={"scan": _scan(), **_by_hand()},
    reply=DocumentView,
    access=permission("document.send"),
    errors=("not_found", "scan_expired", "already_decided", "conflict"),
    expects_version=True,
)

attach_signed_copy = contract.command(
    "attach_signed_copy",
    "Attach the copy of a document that was signed on paper. It counts as signed and is marked as signed by hand; the document "
    "as it was sent is kept.",
    request={
        "document_id": Id(required=True),
        "document": fields.Nested(UploadedFile, required=True),
        **_by_hand(),
    },
    reply=DocumentView,
    access=permission("document.send"),
    errors=("not_found", "already_decided", "conflict", *PDF_REFUSALS),
    expects_version=True,
    timeout_s=20,
)

decline_on_paper = contract.command(
    "decline_on_paper",
    "Record that the signer of a document that went out on paper or by fax will not sign, with the reason.",
    request={
        "document_id": Id(required=True),
        "reason_code": fields.String(required=True, validate=validate.OneOf(DECLINE_REASONS)),
        "note": Text(load_default=None, allow_none=True, most=2000),
    },
    reply=DocumentView,
    access=permission("document.send"),
    errors=("not_found", "already_decided", "conflict", "not_on_paper"),
    expects_version=True,
)

open_original_file = contract.command(
    "open_original_file",
    "The file as it was sent, also after it was signed. Every opening is recorded.",
    request={"document_id": Id(required=True)},
    reply=FileReference,
    access=permission("document.send"),
    errors=("not_found",),
)

describe_fax = contract.query(
    "describe_fax",
    "What is faxed, and where to. The files lie in the store.",
    request={"document_id": Id(required=True)},
    reply={
        "fax_number": fields.String(required=True),
        "cover_sheet_sha256": fields.String(required=True),
        "document_sha256": fields.String(required=True),
        "file_name": fields.String(required=True),
    },
    access=only_services("notifications"),
    errors=("not_found", "already_decided"),
)
