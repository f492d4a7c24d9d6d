"""The filters, order and pages of a list of referrals. A page begins after a row, so new rows move no page."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ColumnExpressionArgument, Select, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.chassis.cursors import cursor_of, read_cursor
from services.referrals.calendar.queries import today_of
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import is_of_agency
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of referrals is narrowed to; None leaves a member open. See `FILTERS` of the contract."""

    number: str | None = None
    queue_id: str | None = None
    program_id: str | None = None
    agency_id: str | None = None
    contact_record_id: str | None = None
    status: str | None = None
    priority: str | None = None
    is_open: bool | None = None
    is_waitlisted: bool | None = None
    is_overdue: bool | None = None
    is_urgent: bool | None = None
    is_consent_expired: bool | None = None
    assigned_from: datetime.datetime | None = None
    assigned_before: datetime.datetime | None = None


def narrowed(
    session: Session, filters: Filters, now: datetime.datetime
) -> list[ColumnExpressionArgument[bool]]:
    """The conditions of these filters. They need no join, because all of them are on columns of the referral."""
    return [*_equal(filters), *_in_state(session, filters, now)]


def _equal(filters: Filters) -> Iterator[ColumnElement[bool]]:
    columns: tuple[tuple[InstrumentedAttribute[str], str | None], ...] = (
        (Referral.queue_id, filters.queue_id),
        (Referral.program_id, filters.program_id),
        (Referral.contact_record_id, filters.contact_record_id),
        (Referral.status, filters.status),
        (Referral.priority, filters.priority),
    )
    yield from (column == value for column, value in columns if value is not None)
    if filters.agency_id is not None:
        yield Referral.program_id.in_(_programs_of(filters.agency_id))
    if filters.assigned_from is not None:
        yield Referral.assigned_at >= filters.assigned_from
    if filters.assigned_before is not None:
        yield Referral.assigned_at < filters.assigned_before
    if filters.number is not None:
        yield Referral.contact_record_id.in_(_records_of(filters.number))


def _in_state(
    session: Session, filters: Filters, now: datetime.datetime
) -> Iterator[ColumnExpressionArgument[bool]]:
    if filters.is_open is not None:
        yield Referral.is_open if filters.is_open else ~Referral.is_open
    if filters.is_waitlisted is not None:
        yield Referral.is_waiting if filters.is_waitlisted else ~Referral.is_waiting
    if filters.is_overdue is not None:
        yield is_overdue(now) if filters.is_overdue else ~is_overdue(now)
    if filters.is_urgent is not None:
        yield is_urgent() if filters.is_urgent else ~is_urgent()
    if filters.is_consent_expired is not None:
        is_over = is_consent_expired(now, today_of(session, now))
        yield is_over if filters.is_consent_expired else ~is_over


def in_order(sort: str) -> tuple[list[ColumnElement[bool]], list[Any]]:
    """The condition of the referrals that have a place in this order, and the columns that it orders by."""
    time = _TIME_OF[sort]
    if sort == "newest":
        return [], [time.desc(), Referral.id.desc()]
    kept: dict[str, list[Any]] = {
        "due": [Referral.is_open, Referral.due_at.is_not(None)],
        "waitlist": [Referral.is_waiting],
    }
    return kept.get(sort, []), [time, Referral.id]


def after(cursor: str, sort: str) -> ColumnElement[bool]:
    """Condition: the row comes after the last one of a page. Raises Refused `invalid_request`."""
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


def _programs_of(agency_id: str) -> Select[str]:
    return select(Resource.id).where(is_of_agency(agency_id))


def _records_of(number: str) -> Select[str]:
    # Text that is no record number finds nothing; it is not refused.
    return select(ContactRecord.id).where(ContactRecord.number == (find_contact_record_number(number) or ""))
