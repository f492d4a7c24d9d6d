"""Take reports: verify who sends them, find the delivery, and note what became of it.

A report that comes twice, or too late, finds a delivery that has ended and changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time

from sqlalchemy import select

from services.chassis.loop import Loop
from services.chassis.operations import Call
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.notifications.channels.status_codes import Finding, finding
from services.notifications.deliveries import report_signatures, rules
from services.notifications.deliveries.handlers import settle
from services.notifications.deliveries.models import Delivery
from services.notifications.reports import bounces

OVERDUE_EVERY_S = 600.0
OVERDUE_AT_ONCE = 100


def report_delivery(call: Call) -> dict[str, bool]:
    """Note what a provider reports. Raises Refused(report_refused)."""
    request = call.request
    _require_signature(call, "report", f"{request['reference']}.{request['status']}")
    state = "delivered" if request["status"] == "delivered" else "permanent_failure"
    reason = None if state == "delivered" else "reported_failed"
    return _note(call.runtime, request["reference"], rules.REPORTED, state, reason)


def return_mail(call: Call) -> dict[str, bool]:
    """Note that a mail came back, if it says so for good. Raises Refused(report_refused, invalid_request)."""
    message = call.request["message"]
    _require_signature(call, "mail", hashlib.sha256(message.encode()).hexdigest())
    try:
        mail = base64.b64decode(message, validate=True)
    except binascii.Error:
        raise Refused("invalid_request", "message: Base64 is expected.", "message") from None
    returned = bounces.read(mail)
    if returned is not None and returned.is_permanent:
        for address in returned.recipients:
            delivery_id = report_signatures.delivery_of_bounce(call.runtime.settings, address)
            if delivery_id is not None:
                found = finding(*returned.said)
                reason = "message_refused" if found == "message" else "bounced"
                return _note(call.runtime, delivery_id, (rules.EMAIL,), "permanent_failure", reason, found)
    return {"is_noted": False}


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
    with runtime.database.reading(None) as session:
        delivery = session.scalars(
            select(Delivery).where(Delivery.id == delivery_id, Delivery.channel.in_(channels))
        ).one_or_none()
    if delivery is None:
        return {"is_noted": False}
    service = itself(runtime, delivery.organisation_id, delivery.organisation_key)

    def work(unit: UnitOfWork) -> bool:
        return settle(unit, delivery_id, state, reason, found)

    return {"is_noted": transact_as(runtime, service, work, delivery.correlation_id)}
