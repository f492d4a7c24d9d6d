"""Appointments as iCalendar (RFC 5545). Times are in UTC, so they hold whatever a calendar knows of the place's zone."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

SUMMARY = "Appointment"
_AGAIN_AFTER = datetime.timedelta(hours=1)


def written(appointments: Iterable[Any], organisation: str) -> str:
    """The calendar of these appointments: that it is one, with whom, when and where. The same appointments give the same text."""
    from icalendar import Calendar, Event  # noqa: PLC0415 - 2.3 MB that a process without feeds does not need

    calendar = Calendar()
    calendar.add("prodid", "-//Portico//Appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"{SUMMARY}s: {organisation}")
    calendar.add("refresh-interval", _AGAIN_AFTER, parameters={"VALUE": "DURATION"})
    for each in appointments:
        event = Event()
        event.add("uid", f"{each.id}@portico")
        event.add("sequence", each.version)
        event.add("dtstamp", each.updated_at.replace(microsecond=0))
        event.add("dtstart", each.starts_at)
        event.add("dtend", each.ends_at)
        event.add("summary", f"{SUMMARY}: {organisation}")
        event.add("location", each.place)
        event.add("class", "PRIVATE")
        event.add("status", "CONFIRMED")
        calendar.add_component(event)
    return str(calendar.to_ical().decode())
