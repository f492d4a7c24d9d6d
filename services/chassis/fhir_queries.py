"""What searches by FHIR have in common in a database: dates as conditions, and where a page begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from services.chassis.cursors import read_cursor
from services.chassis.fhir_search import moments
from services.contracts.errors import Refused


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
