"""Signers are reminded by themselves on the days of `rules.REMINDED_ON_DAYS`, and asked no more after their last day."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from sqlalchemy import ColumnElement, and_, select

from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.signing.documents import rules
from services.signing.documents.models import Document, Recipient
from services.signing.follow_up import handlers

EVERY_S = 60.0
MOST_AT_ONCE = 100


def remind(runtime: Runtime) -> bool:
    """Remind the signers that are due, each in its own transaction. False when more may be due."""
    return _for_each(runtime, _is_due, lambda unit, document, own: handlers.send_again(unit, document, [own]))


def expire(runtime: Runtime) -> bool:
    """End the requests whose last day has passed, each in its own transaction. False when there may be more."""
    return _for_each(runtime, _is_over, handlers.expire)


def _is_due(now: datetime.datetime) -> ColumnElement[bool]:
    return and_(Recipient.next_reminder_at.is_not(None), Recipient.next_reminder_at <= now)


def _is_over(now: datetime.datetime) -> ColumnElement[bool]:
    return and_(Recipient.state == "asked", Recipient.expires_on < now.date() - rules.ONE_DAY)


def _for_each(
    runtime: Runtime,
    condition: Callable[[datetime.datetime], ColumnElement[bool]],
    work: Callable[[UnitOfWork, Document, Recipient], None],
) -> bool:
    with runtime.database.reading(None) as session:
        found = session.execute(
            select(Recipient.id, Document.id, Document.organisation_id, Document.organisation_key)
            .join(Document, Document.id == Recipient.document_id)
            .where(condition(utc_now()))
            .limit(MOST_AT_ONCE)
        ).all()
    for recipient_id, document_id, *organisation in found:

        def carry_out(unit: UnitOfWork, own_id: str = recipient_id, document_id: str = document_id) -> None:
            locked = select(Document).where(Document.id == document_id, Document.state == "sent")
            document = unit.session.scalars(locked.with_for_update(skip_locked=True)).one_or_none()
            still = select(Recipient).where(Recipient.id == own_id, condition(utc_now()))
            own = unit.session.scalars(still).one_or_none()
            if document is not None and own is not None:  # otherwise another process was first
                work(unit, document, own)

        transact_as(runtime, itself(runtime, *organisation), carry_out)
    return len(found) < MOST_AT_ONCE
