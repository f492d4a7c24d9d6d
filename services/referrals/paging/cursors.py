"""Where a page of a list ended, as an opaque text: the time and the id of its last item."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime

from services.contracts.errors import Refused

_CURSOR = re.compile(r"([0-9TZ:.+-]{20,40})~([0-9a-f]{32})", re.ASCII)


def cursor_of(at: datetime, referral_id: str) -> str:
    """Where a page of referrals ended, as an opaque text."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}~{referral_id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """The time and id a cursor stands for. Raises Refused `invalid_request`."""
    refused = Refused("invalid_request", "Use the cursor of the page before.", "after")
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise refused
        return datetime.fromisoformat(match[1]).astimezone(UTC), match[2]
    except (binascii.Error, UnicodeError, ValueError, OverflowError):
        raise refused from None
