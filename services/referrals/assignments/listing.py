"""What a list of referrals is narrowed to, and its pages. A page begins after a row, so new rows move nothing."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ColumnElement, literal, select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.referrals.calendar.queries import today_of
from services.referrals.directory.models import Resource
from services.referrals.directory.rules import Level
from services.referrals.models import Referral, is_overdue, is_urgent
from services.referrals.records.consent import is_consent_expired
from services.referrals.records.models import ContactRecord
from services.referrals.records.rules import find_contact_record_number

_TIME_OF: dict[str, Any] = {
    "newest": Referral.assigned_at,
    "oldest": Referral.assigned_at,
    "due": Referral.due_at,
    "waitlist": Referral.waitlisted_at,
}
_EQUAL: dict[str, Any] = {
    "queue_id": Referral.queue_id,
    "program_id": Referral.program_id,
    "contact_record_id": Referral.contact_record_id,
    "status": Referral.status,
    "priority": Referral.priority,
}


def narrowed(session: Session, request: Any, now: datetime.datetime) -> list[ColumnElement[bool]]:
    """Conditions of a request's filters, on columns of the referral alone: nothing is joined to be left out."""
    conditions = [column == request[name] for name, column in _EQUAL.items() if request[name] is not None]
    if request["agency_id"] is not None:
        conditions.append(Referral.program_id.in_(_programs_of(request["agency_id"])))
    if request["is_open"] is not None:
        conditions.append(Referral.is_open if request["is_open"] else ~Referral.is_open)
    if request["is_waitlisted"] is not None:
        conditions.append(Referral.is_waiting if request["is_waitlisted"] else ~Referral.is_waiting)
    if request["is_overdue"] is not None:
        conditions.append(is_overdue(now) if request["is_overdue"] else ~is_overdue(now))
    if request["is_urgent"] is not None:
        conditions.append(is_urgent() if request["is_urgent"] else ~is_urgent())
    if request["is_consent_expired"] is not None:
        is_over = is_consent_expired(now, today_of(session, now))
        conditions.append(is_over if request["is_consent_expired"] else ~is_over)
    if request["assigned_from"] is not None:
        conditions.append(Referral.assigned_at >= request["assigned_from"])
    if request["assigned_before"] is not None:
        conditions.append(Referral.assigned_at < request["assigned_before"])
    if request["number"] is not None:
        conditions.append(Referral.contact_record_id.in_(_records_of(request["number"])))
    return conditions


def in_order(sort: str) -> tuple[list[ColumnElement[bool]], list[Any]]:
    """What a sort leaves out, because it has no place in it, and the columns that it orders by."""
    time = _TIME_OF[sort]
    if sort == "newest":
        return [], [time.desc(), Referral.id.desc()]
    kept: dict[str, list[Any]] = {
        "due": [Referral.is_open, Referral.due_at.is_not(None)],
        "waitlist": [Referral.is_waiting],
    }
    return kept.get(sort, []), [time, Referral.id]


def after(cursor: str, sort: str) -> ColumnElement[bool]:
    """Condition: comes after the row at which a page ended. Raises Refused `invalid_request`."""
    time = _TIME_OF[sort]
    at, referral_id = read_cursor(cursor, _order(sort), datetime.datetime, str)
    row = tuple_(time, Referral.id)
    place = tuple_(literal(at, Referral.assigned_at.type), literal(referral_id))
    return row < place if sort == "newest" else row > place


def cursor_at(referral: Referral, sort: str) -> str:
    """The cursor of a page that ends with this row."""
    return cursor_of(_order(sort), getattr(referral, _TIME_OF[sort].key), referral.id)


def _order(sort: str) -> str:
    return f"referrals by {sort}"


def _programs_of(agency_id: str) -> Any:
    return select(Resource.id).where(Resource.agency_id == agency_id, Resource.level == Level.PROGRAM.value)


def _records_of(number: str) -> Any:
    # A number that nobody could have finds nothing; it is no mistake worth a refusal.
    return select(ContactRecord.id).where(ContactRecord.number == (find_contact_record_number(number) or ""))
