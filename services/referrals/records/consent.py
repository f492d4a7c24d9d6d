"""The help-seeker's consent to share a contact record: when it is over, and what it keeps from being shared (MARKET R-18).

It is over when its last day is, by the organisation's clock as it is set now. `consent_ends_at` is that instant by the clock
of the time it was written, and the record's referrals have a copy: an index finds by it all that can be over, and what is
within a day of it is decided by the day itself. So a million records need not be written when the time zone changes.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.referrals.calendar.queries import time_zone_of, today_of
from services.referrals.calendar.rules import local_day
from services.referrals.models import Referral
from services.referrals.queues.models import Queue
from services.referrals.queues.rules import settings_of
from services.referrals.records.models import ContactRecord
from services.referrals.records.rules import (
    CLOCKS_APART,
    check_consent,
    check_consent_dates,
    end_of_consent,
    is_past_by_any_clock,
)

CONSENT = ("consent_given_on", "consent_until")


def settle(unit: UnitOfWork, record: ContactRecord) -> None:
    """Check the days that were entered, and write down when the last is over. Raises Refused `invalid_contact_record`."""
    if record.consent_given_on is None and record.consent_until is None:
        record.consent_ends_at = None
        return
    zone = time_zone_of(unit.session, unit.organisation_id)
    check_consent_dates(record.consent_given_on, record.consent_until, local_day(unit.now, zone))
    record.consent_ends_at = end_of_consent(record.consent_until, zone)


def is_over(
    session: Session,
    until: datetime.date | None,
    ends_at: datetime.datetime | None,
    now: datetime.datetime,
) -> bool:
    """Whether a consent until that day is over; the time zone is read only where it matters."""
    is_past = is_past_by_any_clock(ends_at, now)
    if is_past is not None or until is None:
        return bool(is_past)
    return until < today_of(session, now)


def hold_referrals(session: Session, contact_record_id: str) -> None:
    """Hold a record's referrals before the record itself is held: everybody takes them in this order."""
    referrals = select(Referral.id).where(Referral.contact_record_id == contact_record_id)
    session.scalars(referrals.order_by(Referral.id).with_for_update(of=Referral)).all()


def copy_to_referrals(session: Session, record: ContactRecord) -> None:
    """Give a record's referrals the instant at which its consent is over; ended ones too, they may be opened again."""
    session.execute(
        update(Referral)
        .where(Referral.contact_record_id == record.id)
        .values(consent_ends_at=record.consent_ends_at),
        execution_options={"synchronize_session": False},
    )


def check_may_be_shared(
    session: Session, record: ContactRecord, queue: Queue, now: datetime.datetime
) -> None:
    """Raise Refused `consent_required` where the queue asks for a consent and the record has none that holds."""
    if settings_of(queue).consent_required:
        check_consent(record.consent_given_on, record.consent_until, today_of(session, now))


def count_without_consent(
    session: Session, queue: Queue, record_ids: Collection[str], program_ids: Collection[str]
) -> int:
    """How many of these records `check_may_be_shared` refuses, without those that are referred to one of the programs."""
    if not settings_of(queue).consent_required:
        return 0
    is_there = exists().where(
        Referral.contact_record_id == ContactRecord.id,
        Referral.queue_id == queue.id,
        Referral.program_id.in_(program_ids),
        Referral.is_open,
    )
    refused = (ContactRecord.id.in_(record_ids), _has_no_consent(today_of(session, utc_now())), ~is_there)
    return int(session.scalar(select(func.count()).where(*refused)) or 0)


def is_of_record_without_consent(today: datetime.date) -> ColumnElement[bool]:
    """Condition on referrals: their record is one that `check_may_be_shared` refuses."""
    return exists().where(ContactRecord.id == Referral.contact_record_id, _has_no_consent(today))


def _has_no_consent(today: datetime.date) -> ColumnElement[bool]:
    return or_(ContactRecord.consent_given_on.is_(None), ContactRecord.consent_until < today)


def is_consent_expired(now: datetime.datetime, today: datetime.date) -> ColumnElement[bool]:
    """Condition: an open referral whose contact record may not be shared any more. False where there is no end.

    `today` is the organisation's. The index finds what can be over by any clock; only what is so near is looked up.
    """
    ends_at = Referral.consent_ends_at
    # One value by its key, and not EXISTS: that a database may answer by reading all records of the organisation.
    until = (
        select(ContactRecord.consent_until)
        .where(ContactRecord.id == Referral.contact_record_id)
        .correlate(Referral)
        .scalar_subquery()
    )
    is_over = or_(ends_at <= now - CLOCKS_APART, until < today)
    return and_(Referral.is_open, ends_at.is_not(None), ends_at <= now + CLOCKS_APART, is_over)
