"""Pages of a list: each goes on after the row that the page before ended with. The cursor is that row's id, never a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal, select, tuple_
from sqlalchemy.orm import Session

from services.contracts.errors import Refused


def after(order: Sequence[Any], last: Sequence[Any]) -> ColumnElement[bool]:
    """The condition of the page that goes on after the row with these values: it walks the index of the order.

    The first comparison says the same as the second; SQLite finds the beginning in the index by it only.
    """
    return and_(order[0] >= literal(last[0]), tuple_(*order) > tuple_(*(literal(value) for value in last)))


def page_of(
    session: Session, statement: Select[Any], order: Sequence[Any], ids: Any, request: Mapping[str, Any]
) -> tuple[Sequence[Any], str | None]:
    """Rows in this order (ascending, ending with the id), at most `limit` after `after`, and the next page's cursor.

    `ids` is the column of their ids. Raises Refused(invalid_request) for a cursor that is none.
    """
    if request["after"] is not None:
        statement = statement.where(after(order, last_of_page(session, order, ids, request)))
    rows = session.scalars(statement.order_by(*order).limit(request["limit"] + 1)).all()
    page = rows[: request["limit"]]
    return page, page[-1].id if len(rows) > len(page) else None


def last_of_page(
    session: Session, order: Sequence[Any], ids: Any, request: Mapping[str, Any]
) -> Sequence[Any]:
    """What the row that the cursor names has in the columns of the order. Raises Refused(invalid_request)."""
    last = session.execute(select(*order).where(ids == request["after"])).one_or_none()
    if last is None:
        raise Refused("invalid_request", "after: this page cannot be continued; start again.", field="after")
    return last
