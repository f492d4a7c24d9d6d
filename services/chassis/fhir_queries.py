"""What searches by FHIR have in common in a database: dates as conditions, where a page begins, which statements are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import Session

from services.chassis.cursors import read_cursor
from services.chassis.fhir_search import Search, moments
from services.contracts.errors import Refused

# A search with more values is compiled anew each time: every number of values is a statement of its own, and SQLAlchemy
# keeps compiled statements (2.5 MB for one with 400 dates), so a stranger could fill the memory with them.
MOST_VALUES_KEPT = 8


def keep_few_statements(session: Session, wanted: Search) -> None:
    """Let the statements of this session be forgotten if the search has many values. Called before the first statement."""
    if sum(len(values) for _, values in wanted.conditions) > MOST_VALUES_KEPT:
        session.connection().execution_options(compiled_cache=None)


def within(column: Any, values: Sequence[str], name: str = "_lastUpdated") -> ColumnElement[bool]:
    """The condition that a time lies within one of these dates, each with its prefix."""
    parts: list[ColumnElement[bool]] = []
    for value in values:
        begin, end = moments(value, name)
        bounds = [column >= begin] if begin is not None else []
        parts.append(and_(*bounds, *([column < end] if end is not None else [])))
    return or_(*parts)


def place_of(cursor: str, order: str, *kinds: type[Any]) -> list[Any]:
    """Where a page begins. Raises Refused `search_refused`."""
    try:
        return read_cursor(cursor, order, *kinds)
    except Refused as refusal:
        raise Refused("search_refused", refusal.detail, "_after") from None
