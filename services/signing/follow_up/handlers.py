"""Reminders: by hand, and by themselves on certain days. Signers whose last day has passed."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from services.chassis.passports import REALM_OF_SYSTEMS
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused, invalid
from services.contracts.signing import documents, follow_up
from services.signing.documents import queries, recipients, rules
from services.signing.documents.handlers import caller_of, record, tell
from services.signing.documents.models import Document, Recipient


def remind_signer(unit: UnitOfWork, *, document_id: str, expires_on: datetime.date | None) -> Document:
    """Send the mail or the fax again (S4-22), to all who are asked now. Whose last day has passed gets a new one, or none."""
    caller = caller_of(unit)
    if caller.realm not in ("staff", REALM_OF_SYSTEMS):
        raise Refused("forbidden", "Only staff remind a signer.")
    document = queries.get_document(unit.session, caller, document_id, for_change=True)
    rules.require_undecided(document.state)
    unit.require_version(document)
    rules.require_remindable(document.channel, document.reminded_at or document.sent_at, unit.now)
    if expires_on is not None and expires_on < unit.now.date():
        raise invalid([("expires_on", "This day is over. Choose one that is still to come.")])
    asked = []
    for each in recipients.recipients_of(unit.session, document_id):
        if each.state == "expired" or (
            each.state == "asked" and rules.is_expired(each.expires_on, unit.now.date())
        ):
            each.state, each.expires_on = "asked", expires_on
        if each.state == "asked":
            asked.append(each)
    send_again(unit, document, asked)
    return document


def send_again(unit: UnitOfWork, document: Document, asked: Iterable[Recipient]) -> None:
    """Ask for another fax, or a mail to each of these, and note when the next one is due."""
    document.reminders += 1
    document.reminded_at = unit.now
    if document.channel == rules.FAX:
        document.fax_state = "waiting"
        tell(unit, documents.fax_requested, document)
    for each in asked:
        each.next_reminder_at = rules.next_reminder(
            document.channel, each.asked_at or document.sent_at, unit.now
        )
        recipients.tell_signer(unit, follow_up.signature_reminded, document, each)
    record(unit, "document.reminded", document, reminders=document.reminders)


def expire(unit: UnitOfWork, document: Document, own: Recipient) -> None:
    """A signer's last day has passed: the sender is told, and the signer asked no more."""
    own.state, own.next_reminder_at = "expired", None
    record(unit, "document.request_expired", document, recipient_id=own.id)
    recipients.tell_signer(unit, documents.signature_request_expired, document, own)
