"""Signers are reminded by themselves on the days of `rules.REMINDED_ON_DAYS`."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select

from services.chassis.passports import Caller
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.signing.documents.models import Document
from services.signing.follow_up.handlers import send_again

EVERY_S = 60.0
MOST_AT_ONCE = 100


def remind(runtime: Any) -> bool:
    """Remind the signers of documents that are due, each in its own transaction. False when more may be due."""
    with runtime.database.reading(None) as session:
        due = session.execute(
            select(Document.id, Document.organisation_id, Document.organisation_key)
            .where(_is_due(utc_now()))
            .order_by(Document.next_reminder_at)
            .limit(MOST_AT_ONCE)
        ).all()
    for document_id, *organisation in due:
        _remind_one(runtime, itself(runtime, *organisation), document_id)
    return len(due) < MOST_AT_ONCE


def _is_due(now: datetime.datetime) -> ColumnElement[bool]:
    return and_(Document.next_reminder_at.is_not(None), Document.next_reminder_at <= now)


def _remind_one(runtime: Any, service: Caller, document_id: str) -> None:
    def work(unit: UnitOfWork) -> None:
        due = select(Document).where(Document.id == document_id, _is_due(utc_now()))
        document = unit.session.scalars(due.with_for_update(skip_locked=True)).one_or_none()
        if document is not None:  # otherwise it is decided at this moment, or another process reminds
            send_again(unit, document)

    transact_as(runtime, service, work)
