"""Pages of a list. Each begins after the last row of the page before; the cursor is that row's id, never a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal, select, tuple_
from sqlalchemy.orm import Session

from services.contracts.errors import Refused


def follows(order: Sequence[Any], last: Sequence[Any]) -> ColumnElement[bool]:
    """The condition that a row comes after the one with these values. The index on the order serves it.

    The first comparison follows from the second; SQLite needs it to find the beginning in the index.
    """
    return and_(order[0] >= literal(last[0]), tuple_(*order) > tuple_(*(literal(value) for value in last)))


def page_of(
    session: Session,
    statement: Select[Any],
    order: Sequence[Any],
    ids: Any,
    *,
    after: str | None,
    limit: int,
) -> tuple[Sequence[Any], str | None]:
    """Rows in this order (ascending, ending with the id), at most `limit` after `after`, and the next page's cursor.

    `ids` is the column of their ids. Raises Refused(invalid_request) for an unknown cursor.
    """
    if after is not None:
        statement = statement.where(follows(order, last_of_page(session, order, ids, after)))
    rows = session.scalars(statement.order_by(*order).limit(limit + 1)).all()
    page = rows[:limit]
    return page, page[-1].id if len(rows) > len(page) else None


def last_of_page(session: Session, order: Sequence[Any], ids: Any, cursor: str) -> Sequence[Any]:
    """The values that the cursor's row has in the columns of the order. Raises Refused(invalid_request)."""
    last = session.execute(select(*order).where(ids == cursor)).one_or_none()
    if last is None:
        raise Refused("invalid_request", "after: this page cannot be continued; start again.", field="after")
    return last
