"""Rules of the FHIR view: codes, and the times of a schedule as slots. Pure.

Sources: http://hl7.org/fhir/R4/communication.html, communicationrequest.html, appointment.html, slot.html, schedule.html.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

# Our own code systems.
PEOPLE = "urn:portico:person"
ACCOUNTS = "urn:portico:account"
PROVIDERS = "urn:portico:provider"
DEPARTMENTS = "urn:portico:department"
MESSAGE_TYPES = "urn:portico:message-type"
ORGANISATIONS = "urn:portico:organisation"

REQUEST_STATUS = "http://hl7.org/fhir/request-status"
REQUEST_PRIORITY = "http://hl7.org/fhir/request-priority"
APPOINTMENT_STATUS = "http://hl7.org/fhir/appointmentstatus"
SLOT_STATUS = "http://hl7.org/fhir/slotstatus"
STATUS_OF_REQUEST: Mapping[str, str] = MappingProxyType(
    {"open": "active", "completed": "completed", "not_completed": "revoked"}
)
PRIORITY_OF_REQUEST: Mapping[str, str] = MappingProxyType({"routine": "routine", "urgent": "urgent"})
STATUS_OF_APPOINTMENT: Mapping[str, str] = MappingProxyType(
    {"booked": "booked", "cancelled": "cancelled", "missed": "noshow", "attended": "fulfilled"}
)
FREE, BUSY = "free", "busy"
MOST_DAYS, USUAL_DAYS = 31, 7  # of a search of slots
YEARS = range(1971, 3000)  # in which schedules have times

Span = tuple[datetime.datetime, datetime.datetime]
_SLOT_ID = re.compile(r"([0-9a-f]{32})-(\d{12})", re.ASCII)
_MINUTE = "%Y%m%d%H%M"


@dataclass(frozen=True, slots=True)
class Slot:
    """A time of a schedule."""

    schedule_id: str
    start: datetime.datetime
    end: datetime.datetime
    status: str


def slots(
    schedule_id: str, openings: Iterable[Span], taken: Iterable[Span], booked: Iterable[Span]
) -> list[Slot]:
    """What is booked by this schedule, and what is free in its hours, by time. `taken` is the provider's, at every place."""
    found = [Slot(schedule_id, start, end, BUSY) for start, end in booked]
    for span in openings:
        found += [Slot(schedule_id, start, end, FREE) for start, end in _without(span, sorted(taken))]
    return sorted(found, key=lambda each: (each.start, each.end))


def _without(span: Span, taken: Sequence[Span]) -> list[Span]:
    """What is left of a time without what is taken of it."""
    begin, end = span
    left = []
    for start, until in taken:
        if until <= begin or start >= end:
            continue
        if start > begin:
            left.append((begin, start))
        begin = max(begin, until)
    return [*left, (begin, end)] if begin < end else left


def slot_id(schedule_id: str, start: datetime.datetime) -> str:
    """The id of a slot: its schedule and its beginning in UTC."""
    return f"{schedule_id}-{start.astimezone(datetime.UTC):{_MINUTE}}"


def read_slot_id(text: str) -> tuple[str, datetime.datetime] | None:
    """The schedule and the beginning that the id of a slot names; None if it is none."""
    match = _SLOT_ID.fullmatch(text)
    if match is None:
        return None
    try:
        start = datetime.datetime.strptime(match[2], _MINUTE).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
    return (match[1], start) if start.year in YEARS else None
