"""Commands of the way by paper, each one transaction."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from services.chassis.passports import REALM_OF_SYSTEMS
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.signing import documents as contract
from services.signing.documents import queries, rules
from services.signing.documents.handlers import caller_of, decide, give_back, record, require_undecided, tell
from services.signing.documents.models import Document
from services.signing.documents.signer import TakenIn


def attach_signed_copy(
    unit: UnitOfWork,
    taken: TakenIn,
    auto_return: bool,
    *,
    document_id: str,
    signed_on: datetime.date,
    note: str | None,
) -> Document:
    """Record the copy of a document that was signed by hand (S4-3). The original stays."""
    document = _of_staff(unit, document_id)
    require_undecided(unit, document)
    rules.require_day_of_signature(signed_on, document.sent_at.date(), unit.now.date())
    document.signed_sha256, document.is_wet, document.signed_on = taken.sha256, True, signed_on
    document.signatures_done = document.signatures_wanted
    decide(unit, document, "signed", unit.now, note)
    facts = {"original_sha256": document.original_sha256, "copy_sha256": taken.sha256, "pages": taken.pages}
    record(unit, "document.signed_on_paper", document, **facts)
    tell(unit, contract.document_signed_on_paper, document)
    if auto_return:
        give_back(unit, document)
    return document


def attach_recognised_scan(
    unit: UnitOfWork,
    document_id: str,
    taken: TakenIn,
    auto_return: bool,
    *,
    signed_on: datetime.date,
    note: str | None,
) -> Document:
    """Record the scan that was recognised as the signed copy of this document, once: a decided document takes no other."""
    return attach_signed_copy(
        unit, taken, auto_return, document_id=document_id, signed_on=signed_on, note=note
    )


def decline_on_paper(unit: UnitOfWork, *, document_id: str, reason_code: str, note: str | None) -> Document:
    """Record that a signer without an account has declined, and why. The document stays in the Unsigned report."""
    rules.require_reason(reason_code, note)
    document = _of_staff(unit, document_id)
    require_undecided(unit, document)
    rules.require_on_paper(document.channel)
    document.reason_code = reason_code
    decide(unit, document, "declined", unit.now, note)
    record(unit, "document.declined_on_paper", document, sha256=document.original_sha256, reason=reason_code)
    tell(unit, contract.document_declined_on_paper, document)
    return document


def open_original_file(unit: UnitOfWork, *, document_id: str) -> dict[str, str]:
    """Where the file is as it was sent. The opening is audited."""
    document = _of_staff(unit, document_id)
    record(unit, "document.opened", document, sha256=document.original_sha256, by_recipient=False)
    return {
        "sha256": document.original_sha256,
        "file_name": rules.file_name(document.title),
        "media_type": "application/pdf",
    }


def open_cover_sheet(unit: UnitOfWork, sha256: str, *, document_id: str) -> dict[str, str]:
    """Where the cover sheet is. The opening is audited."""
    document = _of_staff(unit, document_id)
    record(unit, "document.cover_sheet_opened", document)
    name = f"cover-{document.id[:8]}.pdf"
    return {"sha256": sha256, "file_name": name, "media_type": "application/pdf"}


def fax_sent(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
    """The fax service has taken a document."""
    document = _faxed(unit, data)
    if document is not None:
        document.fax_state, document.faxed_at = "sent", unit.now
        record(
            unit, "document.faxed", document, sha256=document.original_sha256, delivery_id=data["delivery_id"]
        )


def fax_failed(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
    """A document could not be faxed. Staff see it and print it, or try another number with a new document."""
    document = _faxed(unit, data)
    if document is not None:
        document.fax_state = "failed"
        record(unit, "document.fax_failed", document, reason=data["reason"], delivery_id=data["delivery_id"])


def _faxed(unit: UnitOfWork, data: Mapping[str, Any]) -> Document | None:
    """The document, if the outcome is that of its newest fax: an earlier one may end after it was asked for again."""
    document = unit.session.get(Document, data["document_id"], with_for_update=True)
    if document is None or data.get("repetition", document.reminders) != document.reminders:
        return None
    return document


def _of_staff(unit: UnitOfWork, document_id: str) -> Document:
    caller = caller_of(unit)
    if caller.realm not in ("staff", REALM_OF_SYSTEMS):
        raise Refused("forbidden", "Only staff deal with paper.")
    return queries.get_document(unit.session, caller, document_id, for_change=True)
