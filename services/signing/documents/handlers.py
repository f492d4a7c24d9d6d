"""Commands about documents, each one transaction. Slow steps and calls to other services come before them (`workflows`)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.passports import REALM_OF_SYSTEMS, Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.signing import documents as contract
from services.signing.documents import queries, rules
from services.signing.documents.models import Document


@dataclass(frozen=True)
class Signed:
    """The signed file: its SHA-256 and the time that is printed on it."""

    sha256: str
    at: datetime.datetime


@dataclass(frozen=True)
class Concerned:
    """Whom a document concerns: the person named when it was sent, and that person's record now. None: unknown."""

    named_person_id: str | None = None
    person_id: str | None = None


def send_document(
    unit: UnitOfWork,
    sha256: str,
    pages: int,
    concerned: Concerned,
    *,
    title: str,
    contact_record_id: str | None,
    recipient_account_id: str,
) -> Document:
    """Record a screened document as sent. `sha256` and `pages` are results of the screening."""
    document: Document = unit.add(
        Document(
            id=wire.new_id(),
            version=1,
            title=title,
            contact_record_id=contact_record_id,
            person_id=concerned.person_id,
            named_person_id=concerned.named_person_id,
            sender_account_id=_caller(unit).id,
            recipient_account_id=recipient_account_id,
            state="sent",
            pages=pages,
            original_sha256=sha256,
            sent_at=unit.now,
        )
    )
    _note(unit, "document.sent", document, pages=pages, sha256=document.original_sha256)
    _tell(unit, contract.signature_requested, document)
    return document


def read_document(unit: UnitOfWork, *, document_id: str) -> Document:
    """The document. The reading is audited."""
    document = queries.get_document(unit.session, _caller(unit), document_id)
    _note(unit, "document.read", document, version=document.version)
    return document


def open_document_file(unit: UnitOfWork, *, document_id: str) -> dict[str, str]:
    """Where the file is. The opening is audited."""
    document = _open(unit, document_id)
    return {
        "sha256": document.sha256,
        "file_name": rules.file_name(document.title),
        "media_type": "application/pdf",
    }


def open_document_page(
    unit: UnitOfWork, file_sha256: str, picture_sha256: str, *, document_id: str, number: int
) -> dict[str, str]:
    """Where the picture of a page is. The opening is audited."""
    document = _open(unit, document_id, page=number)
    _require_unchanged(document, file_sha256)
    return {
        "sha256": picture_sha256,
        "file_name": rules.picture_name(document.title, number),
        "media_type": "image/png",
    }


def open_document_pages(
    unit: UnitOfWork, file_sha256: str, first: int, last: int, *, document_id: str
) -> None:
    """Record that somebody reads the texts of these pages."""
    _require_unchanged(_open(unit, document_id, pages=[first, last]), file_sha256)


def _require_unchanged(document: Document, file_sha256: str) -> None:
    if document.sha256 != file_sha256:
        raise Refused("conflict", "The document has just been signed. Open it again.", retry_after_s=1)


def _open(unit: UnitOfWork, document_id: str, **what: Any) -> Document:
    """The document, whose opening is audited. The recipient's first one also sets `viewed_at` (S4-18)."""
    caller = _caller(unit)
    document = queries.get_document(unit.session, caller, document_id, for_change=True)
    is_recipient = document.recipient_account_id == caller.id
    if is_recipient and document.viewed_at is None:
        document.viewed_at = unit.now
    _note(unit, "document.opened", document, sha256=document.sha256, by_recipient=is_recipient, **what)
    return document


def claim_signature(unit: UnitOfWork, *, document_id: str) -> str:
    """Take the lease under which the document is signed outside of any transaction. Returns the SHA-256 of the file to sign.

    Raises Refused(conflict) while another request holds the lease. The lease ends by itself, also after a crash.
    """
    document = _undecided(unit, document_id)
    document.signing_claim = unit.context.request_id
    document.signing_until = unit.now + rules.LEASE
    return document.original_sha256


def release_signature(unit: UnitOfWork, *, document_id: str) -> None:
    """Give up this request's lease after a signature has failed."""
    document = queries.find_document(unit.session, _caller(unit), document_id, for_change=True)
    if document is not None and document.signing_claim == unit.context.request_id:
        document.signing_claim = document.signing_until = None


def sign_document(
    unit: UnitOfWork, signed: Signed, *, document_id: str, meaning: str, note: str | None
) -> Document:
    """Record the signature that was made under this request's lease. Raises Refused(conflict) when the lease was lost."""
    document = _undecided(unit, document_id)
    if document.signing_claim != unit.context.request_id:
        raise Refused("conflict", "Signing took too long and was begun anew elsewhere.", retry_after_s=1)
    document.signed_sha256 = signed.sha256
    document.meaning = meaning
    _decide(document, "signed", signed.at, note)
    _note(
        unit,
        "document.signed",
        document,
        original_sha256=document.original_sha256,
        signed_sha256=signed.sha256,
        meaning=document.meaning,
    )
    _tell(unit, contract.document_signed, document)
    return document


def decline_document(unit: UnitOfWork, *, document_id: str, note: str) -> Document:
    """Record that the recipient will not sign, and why. The document stays in the Unsigned report (S4-20)."""
    document = _undecided(unit, document_id)
    _decide(document, "declined", unit.now, note)
    _note(unit, "document.declined", document, sha256=document.original_sha256)
    _tell(unit, contract.document_declined, document)
    return document


def mark_returned(unit: UnitOfWork, *, document_id: str) -> Document:
    """Record that staff have put the signed document into the patient's account (S4-19, S4-21)."""
    caller = _caller(unit)
    if caller.realm not in ("staff", REALM_OF_SYSTEMS):
        raise Refused("forbidden", "Only staff return a document.")
    document = queries.get_document(unit.session, caller, document_id, for_change=True)
    rules.require_signed(document.state)
    unit.require_version(document)
    document.state = "returned"
    document.returned_at = unit.now
    document.version += 1
    _note(unit, "document.returned", document, sha256=document.sha256)
    _tell(unit, contract.document_returned, document)
    return document


def _undecided(unit: UnitOfWork, document_id: str) -> Document:
    """The document, locked, if the caller is its recipient and may decide on it now."""
    caller = _caller(unit)
    document = queries.get_document(unit.session, caller, document_id, for_change=True)
    if document.recipient_account_id != caller.id:
        raise Refused("forbidden", "Only the recipient decides on a document.")
    rules.require_undecided(document.state)
    unit.require_version(document)
    if rules.is_leased(
        document.signing_claim, document.signing_until, asked_by=unit.context.request_id, now=unit.now
    ):
        raise Refused("conflict", "The document is being signed at this moment.", retry_after_s=1)
    return document


def follow_people(unit: UnitOfWork, data: Mapping[str, Any], standings: Sequence[Mapping[str, Any]]) -> None:
    """Move documents to the record that stands for their person now, after a merge of two people or its undoing.

    `standings` is what identity says about the two people now, so a late or repeated event has the same outcome.
    """
    for standing in standings:
        person_id = standing["person_id"]
        named = Document.named_person_id.in_([person_id, *standing["merged_ids"]])
        left_behind = select(Document).where(named, Document.person_id != person_id).order_by(Document.id)
        for document in unit.session.scalars(left_behind.with_for_update()).all():
            before, document.person_id = document.person_id, person_id
            _note(unit, "document.person_changed", document, before=before, merge_id=data["merge_id"])


def _decide(document: Document, state: str, at: datetime.datetime, note: str | None) -> None:
    document.state = state
    document.decided_at = at
    document.note = note
    document.version += 1
    document.signing_claim = document.signing_until = None


def _note(unit: UnitOfWork, action: str, document: Document, **facts: Any) -> None:
    """An audit row about a document, and about the person whom it concerns."""
    about = {"person_id": document.person_id} if document.person_id else {}
    unit.audit(action, "document", document.id, **about, **facts)


def _tell(unit: UnitOfWork, event: Any, document: Document) -> None:
    unit.publish(
        event,
        document.id,
        {
            "document_id": document.id,
            "recipient_account_id": document.recipient_account_id,
            "sender_account_id": document.sender_account_id,
        },
    )


def _caller(unit: UnitOfWork) -> Caller:
    """The caller. No operation of this service is public, so there always is one."""
    if unit.caller is None:
        raise Refused("unauthenticated", "A valid passport is needed.")
    return unit.caller
