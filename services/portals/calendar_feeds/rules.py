"""The address of a feed, and how often it may be read. Pure."""

from __future__ import annotations

import datetime
import hashlib

HOUR = datetime.timedelta(hours=1)


def token_hash(token: str) -> str:
    """What is stored of a token of 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def path_of(token: str) -> str:
    """Where the feed is, within the API."""
    return f"/v1/calendar-feeds/{token}/appointments.ics"


def next_in(hour_at: datetime.datetime, now: datetime.datetime) -> int:
    """In how many seconds the hour that began then is over, at least one."""
    return max(1, int((hour_at + HOUR - now).total_seconds()))
