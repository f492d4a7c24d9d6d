"""Which message an audience gets, and when people are reminded. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

PERSON, SUPERVISOR, MANAGEMENT = "person", "supervisor", "management"
CONFIRM_MINUTES = 60
DAYS, HOURS = (7,), 24  # before an appointment, unless the organisation chooses otherwise


@dataclass(frozen=True)
class Choices:
    """An organisation's choices: `told` has the audiences of every topic."""

    told: Mapping[str, Collection[str]]
    management_role_id: str | None = None
    reminder_days: Collection[int] = DAYS
    reminder_hours: int | None = HOURS
    confirmed_by: Mapping[str, str] = field(default_factory=dict)
    confirm_minutes: int = CONFIRM_MINUTES


def kind_for(topic: str, audience: str) -> str:
    """The kind of message: the person's has the topic's name, the others that of their audience as well."""
    return topic if audience == PERSON else f"{topic}_{audience}"


def reminders(
    choices: Choices, starts_at: datetime.datetime, time_zone: str, now: datetime.datetime
) -> Iterator[tuple[str, datetime.datetime]]:
    """The reminders of an appointment that are still to come: the kind of message and when it is due, in UTC.

    Days are counted at the place, so that a reminder comes at the appointment's time of day also across a change of the clocks.
    """
    at_place = starts_at.astimezone(ZoneInfo(time_zone))
    due = {
        f"appointment_reminder_{days}": (at_place - datetime.timedelta(days=days)).astimezone(datetime.UTC)
        for days in choices.reminder_days
    }
    if choices.reminder_hours is not None:
        due["appointment_reminder_near"] = starts_at - datetime.timedelta(hours=choices.reminder_hours)
    return ((kind, at) for kind, at in sorted(due.items(), key=lambda pair: pair[1]) if at > now)
