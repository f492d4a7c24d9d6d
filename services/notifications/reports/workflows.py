"""Take reports: verify who sends them, find the delivery, and note what became of it.

A report that comes twice, or too late, finds a delivery that has ended and changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.chassis.loop import Loop
from services.chassis.operations import Call
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.spelling import dialled, telephone_number
from services.notifications.channels.status_codes import Finding, finding
from services.notifications.deliveries import report_signatures, rules, suppression
from services.notifications.deliveries.creation import tell_text
from services.notifications.deliveries.handlers import complain, settle
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.sending import LOOP
from services.notifications.models import Base
from services.notifications.preferences.models import TextNumber
from services.notifications.reports import bounces
from services.notifications.reports.rules import word_of

OVERDUE_EVERY_S = 600.0
OVERDUE_AT_ONCE = 100


def report_delivery(call: Call) -> dict[str, bool]:
    """Note what a provider reports. Raises Refused(report_refused)."""
    request = call.request
    _require_signature(call, "report", f"{request['reference']}.{request['status']}")
    if request["status"] == "complained":
        return _complain(call.runtime, request["reference"])
    state = "delivered" if request["status"] == "delivered" else "permanent_failure"
    reason = None if state == "delivered" else "reported_failed"
    return _note(call.runtime, request["reference"], rules.REPORTED, state, reason)


def return_mail(call: Call) -> dict[str, bool]:
    """Note that a mail came back, if it says so for good, or a complaint of one. Raises Refused(report_refused, invalid_request)."""
    message = call.request["message"]
    _require_signature(call, "mail", hashlib.sha256(message.encode()).hexdigest())
    try:
        mail = base64.b64decode(message, validate=True)
    except binascii.Error:
        raise Refused("invalid_request", "message: Base64 is expected.", "message") from None
    returned = bounces.read(mail)
    if returned is not None and returned.is_complaint:
        for address in returned.recipients:
            delivery_id = report_signatures.delivery_of_bounce(call.runtime.settings, address)
            if delivery_id is not None:
                return _complain(call.runtime, delivery_id)
    elif returned is not None and returned.is_permanent:
        for address in returned.recipients:
            delivery_id = report_signatures.delivery_of_bounce(call.runtime.settings, address)
            if delivery_id is not None:
                found = finding(*returned.said)
                reason = "message_refused" if found == "message" else "bounced"
                return _note(call.runtime, delivery_id, (rules.EMAIL,), "permanent_failure", reason, found)
    return {"is_noted": False}


def receive_text(call: Call) -> dict[str, bool]:
    """Note that an account's telephone has answered, in every organisation that has the number. Raises Refused(report_refused)."""
    number, text = call.request["from_number"], call.request["text"]
    _require_signature(call, "text", hashlib.sha256(f"{number}\n{text}".encode()).hexdigest())
    try:
        word, dialable = word_of(text), dialled(telephone_number(number))
    except ValueError:  # a short number, from which no person writes
        return {"is_noted": False}
    with call.runtime.database.reading(None) as session:
        answering = select(TextNumber.organisation_id, TextNumber.account_id).where(
            or_(TextNumber.number == dialable, TextNumber.pending_number == dialable)
        )
        answered = [_Answered.by(session, *each) for each in session.execute(answering)]
    for each in answered:
        _answer(call.runtime, each, dialable, word)
    return {"is_noted": bool(answered)}


def _newest_text(session: Session, organisation_id: str, account_id: str) -> Delivery | None:
    """The newest text message to an account that is stored: that is what was answered."""
    return session.scalars(
        select(Delivery)
        .where(
            Delivery.organisation_id == organisation_id,
            Delivery.account_id == account_id,
            Delivery.channel == rules.TEXT,
        )
        .order_by(Delivery.created_at.desc(), Delivery.id.desc())
        .limit(1)
    ).one_or_none()


@dataclass(frozen=True)
class _Answered:
    """An account whose telephone has answered, and its newest text message, unless that is forgotten."""

    organisation_id: str
    organisation_key: str | None
    account_id: str
    newest: Delivery | None

    @classmethod
    def by(cls, session: Session, organisation_id: str, account_id: str) -> _Answered:
        trail = Base.chassis.Audit
        # The trail is never deleted, and has that the account has entered its number.
        key = select(trail.organisation_key).where(
            trail.organisation_id == organisation_id,
            trail.object_type == "account",
            trail.object_id == account_id,
        )
        newest = _newest_text(session, organisation_id, account_id)
        return cls(organisation_id, session.scalar(key.limit(1)), account_id, newest)


def _answer(runtime: Runtime, answered: _Answered, number: str, word: str) -> None:
    """Do what the answer to a text message asks for, and tell the webhooks that want it."""
    account_id, newest, settings = answered.account_id, answered.newest, runtime.settings

    def work(unit: UnitOfWork) -> None:
        if word == "stop":
            suppression.note_stop(unit, settings, account_id, number, newest.id if newest else None)
        elif word == "start":
            suppression.note_start(unit, settings, number)
        unit.audit("text.received", "account", account_id, word=word)
        tell_text(unit, account_id, word, settings.mail_domain)

    service = itself(runtime, answered.organisation_id, answered.organisation_key)
    transact_as(runtime, service, work, newest.correlation_id if newest else None)
    runtime.loops.wake(LOOP)


class OverdueLoop(Loop):
    """Ends deliveries whose provider has reported nothing for three days."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__("overdue-reports", lambda: end_overdue(runtime), OVERDUE_EVERY_S)


def end_overdue(runtime: Runtime) -> bool:
    """One round of the loop."""
    due = select(Delivery.id).where(Delivery.report_due_at <= utc_now()).limit(OVERDUE_AT_ONCE)
    with runtime.database.reading(None) as session:
        found = list(session.scalars(due))
    for delivery_id in found:
        _note(runtime, delivery_id, rules.REPORTED, "temporary_failure", "not_reported")
    return len(found) < OVERDUE_AT_ONCE


def _require_signature(call: Call, kind: str, content: str) -> None:
    request, key = call.request, call.runtime.settings.provider_reports_key
    now = time.time()
    if not report_signatures.is_signed(key, kind, request["timestamp"], content, request["signature"], now):
        raise Refused("report_refused", "The signature is wrong, or the time is more than five minutes off.")


def _note(
    runtime: Runtime,
    delivery_id: str,
    channels: tuple[str, ...],
    state: str,
    reason: str | None,
    found: Finding = "message",
) -> dict[str, bool]:
    def work(unit: UnitOfWork) -> bool:
        return settle(unit, delivery_id, state, reason, found)

    return _in_delivery(runtime, delivery_id, channels, work)


def _complain(runtime: Runtime, delivery_id: str) -> dict[str, bool]:
    channels = (rules.EMAIL, *rules.REPORTED)
    return _in_delivery(runtime, delivery_id, channels, lambda unit: complain(unit, delivery_id))


def _in_delivery(
    runtime: Runtime, delivery_id: str, channels: tuple[str, ...], work: Callable[[UnitOfWork], bool]
) -> dict[str, bool]:
    """Do the work in a transaction of the delivery's organisation; nothing where these channels have no such delivery."""
    with runtime.database.reading(None) as session:
        delivery = session.scalars(
            select(Delivery).where(Delivery.id == delivery_id, Delivery.channel.in_(channels))
        ).one_or_none()
    if delivery is None:
        return {"is_noted": False}
    service = itself(runtime, delivery.organisation_id, delivery.organisation_key)
    is_noted = transact_as(runtime, service, work, delivery.correlation_id)
    runtime.loops.wake(LOOP)  # there may be callbacks
    return {"is_noted": is_noted}
