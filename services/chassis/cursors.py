"""Cursors: where a page of a list ended, as opaque text. It holds the name of the order and the last item's sort values.

The next page does not need the last item itself, which may be gone by then. Cursors are part of URLs, so they hold no
personal data.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from typing import Any

from services.contracts.errors import Refused
from services.contracts.fields import LARGEST, can_be_stored

Value = str | int | datetime.datetime


def cursor_of(order: str, *place: Value) -> str:
    """The cursor of a page whose last item has these values. `order` names the list and what it is ordered by."""
    values = [each.isoformat() if isinstance(each, datetime.datetime) else each for each in place]
    text = json.dumps([order, *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, order: str, *kinds: type[Value]) -> list[Any]:
    """The values of a cursor, of these kinds, times in UTC. Raises Refused(invalid_request), also for another order's cursor."""
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(found, list) or not found or not isinstance(found[0], str):
            raise _not_a_cursor()
        if found[0] != order:
            raise Refused(
                "invalid_request",
                "This cursor belongs to another list or another order: begin again without `after`.",
                "after",
            )
        if len(found) != len(kinds) + 1:
            raise _not_a_cursor()
        return [_value(each, kind) for each, kind in zip(found[1:], kinds, strict=True)]
    except (binascii.Error, UnicodeError, ValueError, OverflowError, RecursionError):
        raise _not_a_cursor() from None


def _value(value: Any, kind: type[Value]) -> Any:
    if type(value) is not (str if kind is datetime.datetime else kind):
        raise _not_a_cursor()
    if isinstance(value, int) and abs(value) > LARGEST:
        raise _not_a_cursor()
    if isinstance(value, str) and not can_be_stored(value):
        raise _not_a_cursor()
    return (
        datetime.datetime.fromisoformat(str(value)).astimezone(datetime.UTC)
        if kind is datetime.datetime
        else value
    )


def _not_a_cursor() -> Refused:
    return Refused("invalid_request", "Send the `next` of the page before as `after`.", "after")
