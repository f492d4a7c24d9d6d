"""Rules of referrals: the reason a status asks for, and the cursor of their list."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime

from services.contracts.errors import Refused
from services.referrals.queues.rules import Status

_CURSOR = re.compile(r"([0-9TZ:.+-]{20,40})~([0-9a-f]{32})", re.ASCII)


def check_reason_given(target: Status | None, note: str | None) -> None:
    """Raise Refused `reason_required` if the status to come asks for a reason and the note gives none."""
    if target is not None and target.reason_required and not note:
        raise Refused("reason_required", f"{target.label} needs a note that says why.", "note")


def cursor_of(assigned_at: datetime, referral_id: str) -> str:
    """Where a page of referrals ended, as an opaque text."""
    return base64.urlsafe_b64encode(f"{assigned_at.isoformat()}~{referral_id}".encode()).decode().rstrip("=")


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
