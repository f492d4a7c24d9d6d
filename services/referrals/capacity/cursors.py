"""Where a page of a list ended, as an opaque text. Standard library only."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from services.contracts.errors import Refused


def cursor_of(place: Sequence[str | int]) -> str:
    """The values that a list is ordered by, of the last item of a page."""
    text = json.dumps(list(place), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """The values again, of these kinds. Raises Refused `invalid_request` for what no list of ours has given out."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        place = None
    if not isinstance(place, list) or [type(each) for each in place] != list(kinds):
        raise Refused("invalid_request", "Use the cursor of the page before.", "after")
    return place
