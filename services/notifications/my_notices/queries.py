"""Questions about an account's notices. Each is a delivery that has a place in the application (`shown_at`)."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.notifications.my_notices import MOST_COUNTED
from services.notifications.deliveries import rules
from services.notifications.deliveries.models import Delivery

_ORDER = "my_notices"


def shown_to(account_id: str, now: datetime.datetime) -> ColumnElement[bool]:
    """Condition: a notice that this account sees now. What was cancelled, or was out of date when it was due, is none."""
    return and_(
        Delivery.account_id == account_id,
        Delivery.shown_at <= now,
        Delivery.state != "cancelled",
        or_(Delivery.reason.is_(None), Delivery.reason != "outdated"),
        # What an API client may tell only the staff is shown once it is known that it has gone there.
        or_(
            Delivery.client_kind.is_(None),
            Delivery.client_kind != rules.TEAM,
            Delivery.sent_at.is_not(None),
        ),
    )


def list_my_notices(
    session: Session, caller: Caller, *, is_read: bool | None, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of the caller's notices, newest first. Raises Refused `invalid_request` for a cursor of another list."""
    statement = select(Delivery).where(shown_to(caller.id, utc_now()))
    if is_read is not None:
        statement = statement.where(Delivery.read_at.is_not(None) if is_read else Delivery.read_at.is_(None))
    if after is not None:
        at, last_id = read_cursor(after, _ORDER, datetime.datetime, str)
        statement = statement.where(
            or_(Delivery.shown_at < at, and_(Delivery.shown_at == at, Delivery.id < last_id))
        )
    newest = statement.order_by(Delivery.shown_at.desc(), Delivery.id.desc()).limit(limit + 1)
    rows = list(session.scalars(newest))
    page = rows[:limit]
    return {
        "items": [view(row) for row in page],
        "next": cursor_of(_ORDER, page[-1].shown_at or page[-1].created_at, page[-1].id)
        if len(rows) > limit
        else None,
    }


def count_my_notices(session: Session, caller: Caller) -> dict[str, int]:
    """How many notices the caller has not read, at most MOST_COUNTED."""
    unread = select(Delivery.id).where(shown_to(caller.id, utc_now()), Delivery.read_at.is_(None))
    counted = select(func.count()).select_from(unread.limit(MOST_COUNTED).subquery())
    return {"unread": session.scalar(counted) or 0}


def view(row: Delivery) -> dict[str, Any]:
    """A notice as its owner sees it."""
    page = rules.PAGES.get(row.kind)
    return {
        "id": row.id,
        "kind": row.kind,
        "at": row.shown_at,
        "is_read": row.read_at is not None,
        "page": page.format_map(row.context) if page else None,
        "asks_to_confirm": row.confirm_mode == rules.EXPLICIT and row.confirmed_at is None,
        "confirmed_at": row.confirmed_at,
    }
