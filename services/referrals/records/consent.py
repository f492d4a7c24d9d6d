"""The help-seeker's consent to share a contact record: when it is over, and which records it keeps from being shared (R-18).

A consent is over when its last day is over in the organisation's present time zone. `consent_ends_at` is that instant in the
time zone of the time it was written, and the record's referrals have a copy. An index on it finds all consents that can be
over; those within about a day of the instant are decided by their last day. So a change of the time zone rewrites no records.
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
    """Check the consent's days and set the instant at which it is over. Raises Refused `invalid_contact_record`."""
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
    """Whether a consent until that day is over. The time zone is read only where it matters."""
    is_past = is_past_by_any_clock(ends_at, now)
    if is_past is not None or until is None:
        return bool(is_past)
    return until < today_of(session, now)


def hold_referrals(session: Session, contact_record_id: str) -> None:
    """Lock a record's referrals. Every transaction locks them before the record itself, which avoids deadlocks."""
    referrals = select(Referral.id).where(Referral.contact_record_id == contact_record_id)
    session.scalars(referrals.order_by(Referral.id).with_for_update(of=Referral)).all()


def copy_to_referrals(session: Session, record: ContactRecord) -> None:
    """Copy the instant at which the consent is over to the record's referrals, also to ended ones, which may reopen."""
    session.execute(
        update(Referral)
        .where(Referral.contact_record_id == record.id)
        .values(consent_ends_at=record.consent_ends_at),
        execution_options={"synchronize_session": False},
    )


def check_may_be_shared(
    session: Session, record: ContactRecord, queue: Queue, now: datetime.datetime
) -> None:
    """Raise Refused `consent_required` where the queue requires a consent and the record has no valid one."""
    if settings_of(queue).consent_required:
        check_consent(record.consent_given_on, record.consent_until, today_of(session, now))


def count_without_consent(
    session: Session, queue: Queue, record_ids: Collection[str], program_ids: Collection[str]
) -> int:
    """The number of these records that `check_may_be_shared` refuses, except those open with one of the programs already."""
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
    """Condition: a referral whose record `check_may_be_shared` refuses."""
    return exists().where(ContactRecord.id == Referral.contact_record_id, _has_no_consent(today))


def _has_no_consent(today: datetime.date) -> ColumnElement[bool]:
    return or_(ContactRecord.consent_given_on.is_(None), ContactRecord.consent_until < today)


def is_consent_expired(now: datetime.datetime, today: datetime.date) -> ColumnElement[bool]:
    """Condition: an open referral whose consent to share is over. It is false where the consent has no end.

    `today` is the organisation's day. The index finds the consents that are over in any time zone; only for those near
    their end is the record's last day read.
    """
    ends_at = Referral.consent_ends_at
    # A scalar subquery by key. For EXISTS a database may choose to read all records of the organisation.
    until = (
        select(ContactRecord.consent_until)
        .where(ContactRecord.id == Referral.contact_record_id)
        .correlate(Referral)
        .scalar_subquery()
    )
    is_over = or_(ends_at <= now - CLOCKS_APART, until < today)
    return and_(Referral.is_open, ends_at.is_not(None), ends_at <= now + CLOCKS_APART, is_over)
