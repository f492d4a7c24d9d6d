"""Pure rules of booking in a portal: each option of the module My Appointments (S2-66 to S2-76, S2-126 to S2-128)."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from services.contracts.errors import Refused

SELF_SCHEDULING, REQUEST_ONLY = "self_scheduling", "request_only"
BOOKED = "booked"
MOST_COMING = (
    5  # coming appointments of a person that were booked in a portal, so that nobody holds all times
)
MOST_MOVES = 3  # of one appointment, by its person


@dataclass(frozen=True)
class Options:
    """How the people of a portal come to appointments.

    `visible_appointment_types`: codes of the types that are offered; None: all. Days count from today at the place. `lead_days`: the
    first day that is offered. `stop_minutes`: how long before its time an appointment is neither booked nor changed here.
    `any_provider`: nobody chooses a provider.
    """

    booking_mode: str = REQUEST_ONLY
    visible_appointment_types: Sequence[str] | None = None
    past_due_scheduling: bool = True
    past_due_warning: str | None = None
    days_past: int = 90
    days_ahead: int = 60
    lead_days: int = 0
    stop_minutes: int = 0
    stop_text: str | None = None
    first_available_provider: bool = True
    any_provider: bool = False
    alert_text: str | None = None


def require_self_scheduling(options: Options) -> None:
    """Raise Refused `scheduling_not_offered` unless people of the portal book for themselves."""
    if options.booking_mode != SELF_SCHEDULING:
        raise Refused("scheduling_not_offered", "Times cannot be booked here. Ask for one, or call us.")


def require_requests(options: Options) -> None:
    """Raise Refused `scheduling_not_offered` unless people of the portal ask for appointments."""
    if options.booking_mode != REQUEST_ONLY:
        raise Refused("scheduling_not_offered", "Appointments cannot be asked for here.")


def offered(kinds: Iterable[Any], options: Options, realm: str | None) -> list[Any]:
    """The types that people of a realm may book or ask for in a portal."""
    return [
        each
        for each in kinds
        if each.is_active
        and realm in each.realms
        and (options.visible_appointment_types is None or each.code in options.visible_appointment_types)
    ]


def chooses_provider(options: Options) -> bool:
    """Whether somebody who books chooses a provider."""
    return not options.any_provider


def offers_first_available(options: Options) -> bool:
    """Whether somebody who books may leave it to us who it is."""
    return options.any_provider or options.first_available_provider


def require_choice(options: Options, provider_id: str | None) -> None:
    """Raise Refused `invalid_request` for a provider where nobody chooses one, or none where one has to be chosen."""
    if provider_id is not None and not chooses_provider(options):
        raise Refused(
            "invalid_request", "provider_id: providers are not chosen here. Leave it out.", "provider_id"
        )
    if provider_id is None and not offers_first_available(options):
        raise Refused("invalid_request", "provider_id: choose a provider first.", "provider_id")


def is_past_due(due_on: datetime.date | None, day: datetime.date) -> bool:
    """Whether an appointment on this day is past its due date."""
    return due_on is not None and day > due_on


def require_not_past_due(options: Options, due_on: datetime.date | None, day: datetime.date) -> None:
    """Raise Refused `past_due` for a day after the due date, unless the portal allows that."""
    if not options.past_due_scheduling and is_past_due(due_on, day):
        raise Refused("past_due", "This day is past the due date. Call us to find a time.", "starts_at")


def last_day(options: Options, due_on: datetime.date | None) -> datetime.date | None:
    """The last day that may be booked because something is due; None: that sets no end."""
    return None if options.past_due_scheduling else due_on


def end_of(day: datetime.date, zone: ZoneInfo) -> datetime.datetime:
    """The end of a day at a place."""
    midnight = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time(), zone)
    return midnight.astimezone(datetime.UTC)


def warning(options: Options, due_on: datetime.date, day: datetime.date) -> str | None:
    """What stands next to a due date (S2-70): only where it is past, and can no longer be booked."""
    is_shut = not options.past_due_scheduling and is_past_due(due_on, day)
    return options.past_due_warning if is_shut else None


def days_of(options: Options, kind: Any) -> tuple[int, int]:
    """The first and the last day from today on which a type can be booked: what the portal and the type both allow."""
    last = options.days_ahead if kind.days_ahead is None else min(options.days_ahead, kind.days_ahead)
    return max(options.lead_days, kind.lead_days), last


def stops_at(starts_at: datetime.datetime, options: Options) -> datetime.datetime:
    """From when on a time is neither booked nor changed in a portal (S2-72)."""
    return starts_at - datetime.timedelta(minutes=options.stop_minutes)


def require_not_stopped(options: Options, starts_at: datetime.datetime, now: datetime.datetime) -> None:
    """Raise Refused `too_late_to_change` for a time so soon that the portal books it no more."""
    if options.stop_minutes and now >= stops_at(starts_at, options):
        raise Refused("too_late_to_change", "This time is too soon to book it here. Call us.", "starts_at")


def changes_until(starts_at: datetime.datetime, hours: int, options: Options) -> datetime.datetime:
    """Until when a person may move or cancel an appointment: the type and the portal both allow it."""
    return min(starts_at - datetime.timedelta(hours=hours), stops_at(starts_at, options))


def actions(
    options: Options, state: str, moves: int, until: datetime.datetime, now: datetime.datetime
) -> list[str]:
    """What a person can do with an appointment now."""
    if state != BOOKED or now >= until:
        return []
    may_move = options.booking_mode == SELF_SCHEDULING and moves < MOST_MOVES
    return ["move", "cancel"] if may_move else ["cancel"]


def require_change(state: str, until: datetime.datetime, now: datetime.datetime) -> None:
    """Raise Refused `appointment_closed`, `too_late_to_change` where a person can change an appointment no more."""
    if state != BOOKED:
        raise Refused("appointment_closed", "This appointment is over or cancelled.")
    if now >= until:
        raise Refused("too_late_to_change", "It is too late to change this here. Call us.")


def require_moves_left(moves: int) -> None:
    """Raise Refused `too_many_appointments` where an appointment has been moved too often."""
    if moves >= MOST_MOVES:
        raise Refused("too_many_appointments", "It was moved three times already. Call us to move it again.")


def require_room(coming: int) -> None:
    """Raise Refused `too_many_appointments` where a person has as many coming appointments as a portal gives."""
    if coming >= MOST_COMING:
        raise Refused(
            "too_many_appointments", "You have five appointments already. Cancel one first, or call us."
        )
