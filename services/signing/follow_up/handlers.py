"""Reminders: by hand, and by themselves on certain days."""

from __future__ import annotations

from services.chassis.passports import REALM_OF_SYSTEMS
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.signing import documents, follow_up
from services.signing.documents import queries, rules
from services.signing.documents.handlers import caller_of, record, tell
from services.signing.documents.models import Document


def remind_signer(unit: UnitOfWork, *, document_id: str) -> Document:
    """Send the mail or the fax again (S4-22)."""
    caller = caller_of(unit)
    if caller.realm not in ("staff", REALM_OF_SYSTEMS):
        raise Refused("forbidden", "Only staff remind a signer.")
    document = queries.get_document(unit.session, caller, document_id, for_change=True)
    rules.require_undecided(document.state)
    unit.require_version(document)
    rules.require_remindable(document.channel, document.reminded_at or document.sent_at, unit.now)
    send_again(unit, document)
    return document


def send_again(unit: UnitOfWork, document: Document) -> None:
    """Ask for another mail or fax, and note when the next one is due."""
    document.reminders += 1
    document.reminded_at = unit.now
    document.next_reminder_at = rules.next_reminder(document.channel, document.sent_at, unit.now)
    if document.channel == rules.FAX:
        document.fax_state = "waiting"
        tell(unit, documents.fax_requested, document)
    else:
        tell(unit, follow_up.signature_reminded, document)
    record(unit, "document.reminded", document, reminders=document.reminders)
