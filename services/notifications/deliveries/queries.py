"""Questions about deliveries; reads only."""

from __future__ import annotations

import datetime
import re
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.notifications.deliveries.models import Delivery

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
# 17 digits of microseconds reach to the year 5138: no number that passes is out of a datetime's range.
_CURSOR = re.compile(r"([0-9]{1,17})\.([0-9a-f]{32})")


def list_deliveries(
    session: Session,
    _caller: Caller | None,
    *,
    limit: int,
    account_id: str | None,
    state: str | None,
    after: str | None,
) -> dict[str, Any]:
    """A page of deliveries, newest first. Raises Refused `invalid_request` for a cursor that is not ours."""
    statement = select(Delivery).order_by(Delivery.created_at.desc(), Delivery.id.desc()).limit(limit + 1)
    if account_id:
        statement = statement.where(Delivery.account_id == account_id)
    if state:
        statement = statement.where(Delivery.state == state)
    if after:
        created_at, last_id = _position(after)
        earlier = and_(Delivery.created_at == created_at, Delivery.id < last_id)
        statement = statement.where(or_(Delivery.created_at < created_at, earlier))
    rows = list(session.scalars(statement).all())
    page = rows[:limit]
    return {"items": page, "next": _cursor(page[-1]) if len(rows) > len(page) else None}


def _cursor(row: Delivery) -> str:
    # The position itself, not a row that must still be there for the next page.
    return f"{(row.created_at - _EPOCH) // _MICROSECOND}.{row.id}"


def _position(cursor: str) -> tuple[datetime.datetime, str]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise Refused("invalid_request", "Send the `next` of the page before.", field="after")
    return _EPOCH + int(match[1]) * _MICROSECOND, match[2]
