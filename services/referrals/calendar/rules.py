"""Rules of an organisation's days."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

from services.contracts.errors import Refused

DEFAULT_ZONE = "UTC"


def local_day(at: datetime.datetime, zone: str) -> datetime.date:
    """The day of a moment in a time zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def check_time_zone(name: str) -> str:
    """The name of an IANA time zone. Raises Refused `invalid_request` if there is none of that name."""
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        # zoneinfo raises these for an unknown name, a path, and a folder such as "America".
        detail = "time_zone: use the name of an IANA time zone, for example Europe/Berlin."
        raise Refused("invalid_request", detail, "time_zone") from None
