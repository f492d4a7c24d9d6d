"""Queries of the queue."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.portals.definitions import queries as definitions
from services.portals.message_types import queries as message_types
from services.portals.messages import queries as messages
from services.portals.portal_queue import changes, rules
from services.portals.portal_queue.models import (
    QueueEscalation,
    QueueItem,
    QueueSettings,
    QueueStep,
    ReplyDraft,
)
from services.portals.working_days.holidays_of_regions import is_holiday
from services.portals.working_days.rules import WorkingDays

_MEMBERS = (
    "id",
    "version",
    "kind",
    "type",
    "type_name",
    "department",
    "person_name",
    "account_id",
    "portal",
    "priority",
    "requested_at",
    "due_at",
    "is_waiting",
    "escalated_to",
    "state",
    "dismissed_at",
    "assigned_to",
    "helper_action",
    "action_state",
    "result_link",
    "reference_type",
    "reference_id",
)
# By order: the time by which it sorts, and whether the latest comes first.
_ORDERS = {
    "oldest": (QueueItem.requested_at, False),
    "newest": (QueueItem.requested_at, True),
    "due": (QueueItem.due_at, False),
}
_MOST_STEPS = 200
_MOST_COUNTED = 100


class Filters(TypedDict):
    """What open items are filtered by; None: by nothing."""

    department: str | None
    type: str | None
    kind: str | None
    priority: str | None
    is_waiting: bool | None


def list_queue(
    session: Session,
    caller: Caller,
    *,
    assigned: str | None,
    is_overdue: bool | None,
    is_escalated: bool | None,
    order: str,
    after: str | None,
    limit: int,
    **filters: Unpack[Filters],
) -> dict[str, Any]:
    """A page of open items."""
    now = utc_now()
    wanted = [QueueItem.is_open, *_equal(filters)]
    if assigned is not None:
        by_whom = {"me": QueueItem.assigned_to == caller.id, "nobody": QueueItem.assigned_to.is_(None)}
        wanted.append(by_whom.get(assigned, QueueItem.assigned_to.is_not(None)))
    if is_overdue is not None:
        wanted.append(QueueItem.due_at < now if is_overdue else QueueItem.due_at >= now)
    if is_escalated is not None:
        wanted.append(QueueItem.escalated_to.is_not(None) == is_escalated)
    time, is_latest_first = _ORDERS[order]
    name = f"queue {order}"
    if after is not None:
        at, last = read_cursor(after, name, datetime.datetime, str)
        beyond, beside = (
            (time < at, QueueItem.id < last) if is_latest_first else (time > at, QueueItem.id > last)
        )
        wanted.append(or_(beyond, and_(time == at, beside)))
    sorting = (time.desc(), QueueItem.id.desc()) if is_latest_first else (time, QueueItem.id)
    rows = session.scalars(select(QueueItem).where(*wanted).order_by(*sorting).limit(limit + 1)).all()
    page = rows[:limit]
    is_last = len(rows) <= limit
    return {
        "items": [view(each, now) for each in page],
        "next": None if is_last else cursor_of(name, getattr(page[-1], time.key), page[-1].id),
    }


def count_queue(session: Session, caller: Caller) -> dict[str, Any]:
    """How many open items there are, in three statements."""
    now = utc_now()
    conditions = {
        "waiting": QueueItem.is_waiting,
        "unassigned": QueueItem.assigned_to.is_(None),
        "mine": QueueItem.assigned_to == caller.id,
        "overdue": QueueItem.due_at < now,
        "urgent": QueueItem.priority == "urgent",
        "escalated": QueueItem.escalated_to.is_not(None),
    }
    sums = [func.coalesce(func.sum(case((each, 1), else_=0)), 0) for each in conditions.values()]
    counted = session.execute(
        select(func.count(), *sums).select_from(QueueItem).where(QueueItem.is_open)
    ).one()
    return {
        "open": counted[0],
        **dict(zip(conditions, map(int, counted[1:]), strict=True)),
        "departments": _by(session, QueueItem.department, QueueItem.department),
        "types": _by(session, QueueItem.type, func.max(QueueItem.type_name)),
    }


def get_queue_item(session: Session, caller: Caller, *, item_id: str) -> dict[str, Any]:
    """One item with its conversation and its history. Raises Refused `not_found`."""
    item = found(session, item_id)
    newest = select(QueueStep).where(QueueStep.item_id == item.id).order_by(QueueStep.number.desc())
    steps = [
        {"at": each.at, "step": each.step, "actor_id": each.actor_id}
        for each in session.scalars(newest.limit(_MOST_STEPS))
    ]
    settings = settings_of(session)
    return {
        **view(item, utc_now()),
        "text": item.text,
        "draft": session.scalar(
            select(ReplyDraft.text).where(ReplyDraft.item_id == item.id, ReplyDraft.account_id == caller.id)
        ),
        "questionnaire_id": item.questionnaire_id,
        "messages": [messages.view(each) for each in messages.messages_of(session, item.thread_id)],
        "steps": steps[::-1],
        "escalations": _escalations(session, item),
        "usual_outcome": rules.usual_outcome(settings["usual_outcome"], changes.change_of(session, item)),
        "confirms_dismissal": settings["confirms_dismissal"],
    }


def list_request_types(session: Session, _caller: Caller) -> dict[str, Any]:
    """The types that are switched on, by name."""
    types = [each for each in message_types.all_types(session).values() if each.is_enabled]
    named = sorted((each.name, each.code) for each in types)
    return {"items": [{"code": code, "name": name} for name, code in named]}


def get_queue_settings(session: Session, _caller: Caller) -> dict[str, Any]:
    """How the organisation works on its queue."""
    return settings_of(session)


def settings_of(session: Session) -> dict[str, Any]:
    """The organisation's settings, stored or default. Until somebody sets a time zone, it is the organisation's."""
    own_zone = {"time_zone": zone} if (zone := definitions.time_zone_of(session)) else {}
    row = session.scalars(select(QueueSettings)).one_or_none()
    changed, version = (row.changed, row.version) if row else ({}, rules.DEFAULT_VERSION)
    settings = {**rules.DEFAULT_SETTINGS, **own_zone, **changed, "version": version}
    # They are stored as texts.
    return settings | {"closed_on": [datetime.date.fromisoformat(each) for each in settings["closed_on"]]}


def working_days_of(settings: Mapping[str, Any]) -> WorkingDays:
    """The days on which the organisation works by these settings."""
    return WorkingDays(
        settings["time_zone"],
        settings["working_days"],
        settings["closed_on"],
        functools.partial(is_holiday, settings["holidays"]),
    )


def found(session: Session, item_id: str) -> QueueItem:
    """An item. Raises Refused `not_found`."""
    row = session.scalars(select(QueueItem).where(QueueItem.id == item_id)).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such item.", field="item_id")
    return row


def view(item: QueueItem, now: datetime.datetime) -> dict[str, Any]:
    """An item as the contract's QueueItem."""
    shown = {name: getattr(item, name) for name in _MEMBERS}
    shown["person_id"] = item.known_person_id
    return shown | {"is_overdue": rules.is_overdue(item.is_open, item.due_at, now)}


def _equal(filters: Filters) -> list[Any]:
    return [getattr(QueueItem, name) == value for name, value in filters.items() if value is not None]


def _by(session: Session, column: Any, name: Any) -> list[dict[str, Any]]:
    waiting = func.sum(case((QueueItem.is_waiting, 1), else_=0))
    counted = select(column, name, func.count(), waiting).where(QueueItem.is_open)
    statement = counted.group_by(column).order_by(column)
    return [
        {"code": code, "name": shown, "open": number, "waiting": int(unanswered)}
        for code, shown, number, unanswered in session.execute(statement.limit(_MOST_COUNTED))
    ]


def _escalations(session: Session, item: QueueItem) -> list[dict[str, Any]]:
    """Who was told of an item, the newest few, oldest first."""
    rows = select(QueueEscalation).where(QueueEscalation.item_id == item.id)
    newest = session.scalars(rows.order_by(QueueEscalation.at.desc()).limit(_MOST_STEPS)).all()
    return [
        {
            "at": each.at,
            "level": each.level,
            "accounts": [{"account_id": account_id} for account_id in each.account_ids],
        }
        for each in newest[::-1]
    ]
