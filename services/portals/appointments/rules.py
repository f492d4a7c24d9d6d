"""Pure rules of appointments: their states, what can be done with one, and when its person is reminded."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from services.contracts.errors import Refused

BOOKED, ATTENDED, MISSED = "booked", "attended", "missed"
GRID_MINUTES = 5
REMINDED_HOURS = 48  # before it begins
EARLIEST_BEFORE = datetime.timedelta(
    days=1
)  # staff enter what was agreed on by telephone, also a little late
LATEST_AHEAD = datetime.timedelta(days=731)


def actions(state: str, starts_at: datetime.datetime, now: datetime.datetime) -> list[str]:
    """What staff can do with an appointment now."""
    if state != BOOKED:
        return []
    return ["attend", "miss", "cancel"] if starts_at <= now else ["move", "cancel"]


def require_booked(state: str) -> None:
    """Raise Refused `appointment_closed` unless an appointment stands."""
    if state != BOOKED:
        raise Refused("appointment_closed", "This appointment is over or cancelled. Book another one.")


def require_begun(starts_at: datetime.datetime, now: datetime.datetime) -> None:
    """Raise Refused `appointment_closed` before an appointment has begun: nobody can have come or stayed away."""
    if starts_at > now:
        raise Refused("appointment_closed", "It has not begun yet. Cancel it, or wait until it has begun.")


def require_a_time(starts_at: datetime.datetime, now: datetime.datetime) -> None:
    """Raise Refused `invalid_request` for a time that no appointment can begin at."""
    off_grid = starts_at.minute % GRID_MINUTES or starts_at.second or starts_at.microsecond
    if off_grid or not now - EARLIEST_BEFORE <= starts_at <= now + LATEST_AHEAD:
        rule = "A time in steps of five minutes is expected, from yesterday to two years ahead."
        raise Refused("invalid_request", f"starts_at: {rule}", "starts_at")


def can_be_confirmed(
    state: str,
    starts_at: datetime.datetime,
    confirmed_at: datetime.datetime | None,
    now: datetime.datetime,
) -> bool:
    """Whether the person can confirm the time of an appointment: it stands, has not begun, and is not confirmed yet."""
    return state == BOOKED and starts_at > now and confirmed_at is None


def state_of_time(version: int, confirmed_at: datetime.datetime | None) -> str:
    """A word that is another one once an appointment was moved, closed or confirmed."""
    return f"v{version}" if confirmed_at is None else f"v{version}.confirmed"


def grid(starts_at: datetime.datetime, ends_at: datetime.datetime) -> Iterator[datetime.datetime]:
    """The steps of the grid that an appointment takes, in their order."""
    at = starts_at
    while at < ends_at:
        yield at
        at += datetime.timedelta(minutes=GRID_MINUTES)


def reminds_at(starts_at: datetime.datetime, now: datetime.datetime) -> datetime.datetime | None:
    """When a reminder is due; None where an appointment is too near for one."""
    due = starts_at - datetime.timedelta(hours=REMINDED_HOURS)
    return due if due > now else None
