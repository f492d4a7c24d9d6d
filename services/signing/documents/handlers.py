"""Commands about documents, each one transaction. Slow steps and calls to other services come before them (`workflows`)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.database import insert_unless_there
from services.chassis.passports import REALM_OF_SYSTEMS, Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.signing import documents as contract
from services.signing.documents import queries, rules
from services.signing.documents.models import Document, SeenPage


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
    channel: str,
    recipient_account_id: str | None,
    addressee: str | None,
    fax_number: str | None,
    fax_number_again: str | None,
    contact_record_id: str | None,
    kind: str,
    care_began_on: datetime.date | None,
    respond_by: datetime.date | None,
    replaces_document_id: str | None,
) -> Document:
    """Record a screened document as sent. `sha256` and `pages` are results of the screening.

    Raises Refused(not_found, not_declined) for a document that cannot be sent again (C8), and invalid_request for a new
    fax number that was entered only once.
    """
    if fax_number is not None:
        is_known = queries.has_faxed_to(unit.session, fax_number)
        rules.require_number_twice(fax_number, fax_number_again, is_known=is_known)
    replaced = _replaced(unit, replaces_document_id)
    document: Document = unit.add(
        Document(
            id=wire.new_id(),
            version=1,
            title=title,
            contact_record_id=contact_record_id,
            person_id=concerned.person_id,
            named_person_id=concerned.named_person_id,
            sender_account_id=caller_of(unit).id,
            organisation_key=unit.organisation_key,
            recipient_account_id=recipient_account_id,
            channel=channel,
            addressee=addressee,
            fax_number=fax_number,
            fax_state="waiting" if channel == rules.FAX else None,
            kind=kind,
            care_began_on=care_began_on,
            respond_by=respond_by,
            revision=replaced.revision + 1 if replaced else 1,
            replaces_document_id=replaces_document_id,
            reminders=0,
            next_reminder_at=rules.next_reminder(channel, unit.now, unit.now),
            state="sent",
            pages=pages,
            original_sha256=sha256,
            is_wet=False,
            sent_at=unit.now,
        )
    )
    if replaced is not None:
        unit.session.flush()
        replaced.replaced_by_document_id = document.id
        replaced.version += 1
    record(
        unit, "document.sent", document,
        pages=pages, sha256=document.original_sha256, channel=channel, replaces=replaces_document_id,
    )  # fmt: skip
    if channel == rules.EMAIL:
        tell(unit, contract.signature_requested, document)
    elif channel == rules.FAX:
        tell(unit, contract.fax_requested, document)
    return document


def _replaced(unit: UnitOfWork, document_id: str | None) -> Document | None:
    """The declined document that a new one replaces, locked."""
    if document_id is None:
        return None
    document = queries.find_document(unit.session, caller_of(unit), document_id, for_change=True)
    if document is None:
        raise Refused("not_found", "There is no such document.", "replaces_document_id")
    rules.require_replaceable(document.state, document.replaced_by_document_id)
    return document


def read_document(unit: UnitOfWork, *, document_id: str) -> Document:
    """The document. The reading is audited."""
    document = queries.get_document(unit.session, caller_of(unit), document_id)
    record(unit, "document.read", document, version=document.version)
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
    """Where the picture of a page is. The opening is audited, and kept as evidence of what the recipient has seen."""
    document = _open(unit, document_id, page=number)
    _require_unchanged(document, file_sha256)
    if document.state == "sent" and document.recipient_account_id == caller_of(unit).id:
        seen = {"organisation_id": document.organisation_id, "document_id": document_id, "number": number}
        insert_unless_there(unit.session, SeenPage.__table__, seen | {"at": unit.now})
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
    caller = caller_of(unit)
    document = queries.get_document(unit.session, caller, document_id, for_change=True)
    is_recipient = document.recipient_account_id == caller.id
    if is_recipient and document.viewed_at is None:
        document.viewed_at = unit.now
    record(unit, "document.opened", document, sha256=document.sha256, by_recipient=is_recipient, **what)
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
    document = queries.find_document(unit.session, caller_of(unit), document_id, for_change=True)
    if document is not None and document.signing_claim == unit.context.request_id:
        document.signing_claim = document.signing_until = None


def sign_document(
    unit: UnitOfWork, signed: Signed, auto_return: bool, *, document_id: str, meaning: str, note: str | None
) -> Document:
    """Record the signature that was made under this request's lease. Raises Refused(conflict) when the lease was lost.

    With `auto_return` it counts as returned at once (C7).
    """
    document = _undecided(unit, document_id)
    if document.signing_claim != unit.context.request_id:
        raise Refused("conflict", "Signing took too long and was begun anew elsewhere.", retry_after_s=1)
    document.signed_sha256 = signed.sha256
    document.meaning = meaning
    decide(document, "signed", signed.at, note)
    record(
        unit,
        "document.signed",
        document,
        original_sha256=document.original_sha256,
        signed_sha256=signed.sha256,
        meaning=document.meaning,
        pages_seen=len(queries.seen_pages(unit.session, document_id)),
    )
    tell(unit, contract.document_signed, document)
    if auto_return:
        give_back(unit, document)
    return document


def decline_document(
    unit: UnitOfWork, *, document_id: str, reason_code: str | None, note: str | None
) -> Document:
    """Record that the recipient will not sign, and why. The document stays in the Unsigned report (S4-20).

    Raises Refused(invalid_request) without a reason.
    """
    rules.require_reason(reason_code, note)
    document = _undecided(unit, document_id)
    document.reason_code = reason_code
    decide(document, "declined", unit.now, note)
    record(
        unit,
        "document.declined",
        document,
        sha256=document.original_sha256,
        reason=reason_code or "other",
        pages_seen=len(queries.seen_pages(unit.session, document_id)),
    )
    tell(unit, contract.document_declined, document)
    return document


def mark_returned(unit: UnitOfWork, *, document_id: str) -> Document:
    """Record that staff have put the signed document into the patient's account (S4-19, S4-21)."""
    caller = caller_of(unit)
    if caller.realm not in ("staff", REALM_OF_SYSTEMS):
        raise Refused("forbidden", "Only staff return a document.")
    document = queries.get_document(unit.session, caller, document_id, for_change=True)
    rules.require_signed(document.state)
    unit.require_version(document)
    document.version += 1
    give_back(unit, document)
    return document


def give_back(unit: UnitOfWork, document: Document) -> None:
    """A signed document counts as returned to the patient's account."""
    document.state = "returned"
    document.returned_at = unit.now
    record(unit, "document.returned", document, sha256=document.sha256)
    tell(
        unit,
        contract.document_returned if document.recipient_account_id else contract.paper_returned,
        document,
    )


def _undecided(unit: UnitOfWork, document_id: str) -> Document:
    """The document, locked, if the caller is its recipient and may decide on it now."""
    caller = caller_of(unit)
    document = queries.get_document(unit.session, caller, document_id, for_change=True)
    if document.recipient_account_id != caller.id:
        raise Refused("forbidden", "Only the recipient decides on a document.")
    require_undecided(unit, document)
    return document


def require_undecided(unit: UnitOfWork, document: Document) -> None:
    """Raises Refused unless the document still waits for a decision, in the version that was read, and nobody signs it now."""
    rules.require_undecided(document.state)
    unit.require_version(document)
    if rules.is_leased(
        document.signing_claim, document.signing_until, asked_by=unit.context.request_id, now=unit.now
    ):
        raise Refused("conflict", "The document is being signed at this moment.", retry_after_s=1)


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
            record(unit, "document.person_changed", document, before=before, merge_id=data["merge_id"])


def decide(document: Document, state: str, at: datetime.datetime, note: str | None) -> None:
    """A document is signed or declined; nobody is reminded any more."""
    document.state = state
    document.next_reminder_at = None
    document.decided_at = at
    document.note = note
    document.version += 1
    document.signing_claim = document.signing_until = None


def record(unit: UnitOfWork, action: str, document: Document, **facts: Any) -> None:
    """An audit row about a document, and about the person whom it concerns."""
    about = {"person_id": document.person_id} if document.person_id else {}
    unit.audit(action, "document", document.id, **about, **facts)


def tell(unit: UnitOfWork, event: Any, document: Document) -> None:
    """Publish an event about a document, with the accounts that it names."""
    known = {
        "document_id": document.id,
        "recipient_account_id": document.recipient_account_id,
        "sender_account_id": document.sender_account_id,
        "repetition": document.reminders,
    }
    unit.publish(event, document.id, {name: known[name] for name in event.schema.fields})


def caller_of(unit: UnitOfWork) -> Caller:
    """The caller. No operation of this service is public, so there always is one."""
    if unit.caller is None:
        raise Refused("unauthenticated", "A valid passport is needed.")
    return unit.caller
