"""Referrals that their program has left without an answer for longer than their queue allows end by themselves (R-15)."""

from __future__ import annotations

import datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.referrals.assignments.rules import EXPIRING, status_for
from services.referrals.models import Referral
from services.referrals.offers.answers import hold_offer_of
from services.referrals.queues.models import Queue
from services.referrals.queues.rules import settings_of
from services.referrals.status_changes.endings import end_referral
from services.referrals.workflow.models import WorkflowSettings
from services.referrals.workflow.queries import workflow_of

EVERY_S = 60.0
MOST_AT_ONCE = 200
REASON = "expired"


def expire(runtime: Runtime) -> bool:
    """End the referrals that are due now, each in its own transaction. Returns False when more may be due."""
    due = [
        (queue.organisation_id, referral_id)
        for queue, before in _queues_that_expire(runtime, utc_now())
        for referral_id in _idle_in(runtime, queue, before)
    ]
    for organisation_id, referral_id in due:
        _expire_one(runtime, organisation_id, referral_id)
    return len(due) < MOST_AT_ONCE


def _queues_that_expire(runtime: Runtime, now: datetime.datetime) -> list[tuple[Queue, datetime.datetime]]:
    """The queues whose referrals expire, each with the time before which a referral must have changed last.

    Where nobody changes a status, nobody can answer, so nothing expires.
    """
    answers = ~exists().where(
        WorkflowSettings.organisation_id == Queue.organisation_id,
        WorkflowSettings.has_status_changes.is_(False),
    )
    with runtime.database.reading(None) as session:
        queues = session.scalars(select(Queue).where(answers)).all()
    days = ((queue, settings_of(queue).expire_after_days) for queue in queues)
    return [(queue, now - datetime.timedelta(days=each)) for queue, each in days if each]


def _idle(queue: Queue, before: datetime.datetime) -> Select[Referral]:
    """The open referrals of a queue that nobody has changed since `before`, the longest idle first.

    It leaves out enrolled help-seekers, who are being helped, and waitlisted referrals, which wait for a free place.
    """
    unanswered = [status.key for status in queue.status_list() if status.stage != "enrolled"]
    return (
        select(Referral)
        .where(
            Referral.queue_id == queue.id,
            Referral.is_open,
            ~Referral.is_waiting,
            Referral.updated_at < before,
            Referral.status.in_(unanswered),
        )
        .order_by(Referral.updated_at)
    )


def _idle_in(runtime: Runtime, queue: Queue, before: datetime.datetime) -> list[str]:
    with runtime.database.reading(queue.organisation_id) as session:
        return list(session.scalars(_idle(queue, before).with_only_columns(Referral.id).limit(MOST_AT_ONCE)))


def _expire_one(runtime: Runtime, organisation_id: str, referral_id: str) -> None:
    def work(unit: UnitOfWork) -> None:
        session, key = unit.session, _key_of(runtime, unit.session, organisation_id)
        if key is None:
            return
        unit.act_for(organisation_id, key)
        referral = session.get_one(Referral, referral_id)
        queue = session.get_one(Queue, referral.queue_id)
        days = settings_of(queue).expire_after_days
        target = status_for(queue.status_list(), EXPIRING)
        if not days or target is None or not workflow_of(session).has_status_changes:
            return  # the settings have changed meanwhile
        hold_offer_of(session, referral_id)
        idle = _idle(queue, unit.now - datetime.timedelta(days=days)).where(Referral.id == referral_id)
        if session.scalars(idle.with_for_update(of=Referral, skip_locked=True)).one_or_none() is None:
            return  # somebody is changing it, or another process has ended it
        end_referral(unit, referral, target, reason_code=REASON, kind="expired")

    transact_as(runtime, itself(runtime, organisation_id), work)


def _key_of(runtime: Runtime, session: Session, organisation_id: str) -> str | None:
    """The organisation's key, read from its latest audit row that has one."""
    audit = runtime.tables.Audit
    latest = (
        select(audit.organisation_key)
        .where(audit.organisation_id == organisation_id, audit.organisation_key.is_not(None))
        .order_by(audit.at.desc())
        .limit(1)
    )
    return session.scalars(latest).one_or_none()
