"""Until when a signature holds (S2-43, S2-124). Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import isodate


def valid_until(now: datetime.datetime, renewals: Iterable[str | None]) -> datetime.datetime | None:
    """Until when a signature of now holds by these intervals: the shortest counts. None: without end."""
    ends = [now + isodate.parse_duration(each) for each in renewals if each]
    return min(ends, default=None)
