"""Queries of the people of a portal about their appointments."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.portals.appointments import BOOKED
from services.portals.appointment_invitations.queries import due_on, open_invitations
from services.portals.appointments.free_times import Finder
from services.portals.appointments.models import Appointment
from services.portals.appointments.queries import chosen_providers, names_of, today
from services.portals.my_appointments import access, rules
from services.portals.schedules import queries as schedules
from services.portals.schedules.models import AppointmentProvider, AppointmentType
from services.portals.schedules.rules import bounds

_ORDER = "my_appointments"
_MOST_COMING = 50
_SHOWN = (
    "id", "version", "person_id", "type_id", "starts_at", "ends_at", "on", "place", "time_zone", "state",
    "confirmed_at",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Wish:
    """What somebody wants to book: the person, the type, the options that hold, until when it is due."""

    person_id: str
    kind: Any
    options: rules.Options
    due_on: datetime.date | None


def get_my_scheduling(
    session: Session,
    caller: Caller,
    *,
    portal: str | None,
    person_id: str | None,
    languages: list[str],
) -> dict[str, Any]:
    """How the caller comes to an appointment. Raises Refused `not_found`, `scheduling_not_offered`."""
    person = access.person_seen(caller, person_id)
    suffix, options = access.options_of(session, caller, portal, languages)
    kinds = rules.offered(schedules.active_types(session), options, caller.realm)
    may_book = access.may_book_for(caller, person)
    offered = {each.id for each in kinds}
    return {
        "person_id": person,
        "portal": suffix,
        "mode": options.booking_mode,
        "can_book": may_book and bool(kinds) and options.booking_mode == rules.SELF_SCHEDULING,
        "can_ask": may_book
        and bool(kinds)
        and options.booking_mode == rules.REQUEST_ONLY
        and access.may_be_asked(session, caller, suffix),
        "alert_text": options.alert_text,
        "stop_minutes": options.stop_minutes,
        "stop_text": options.stop_text,
        "types": kinds,
        "chooses_provider": rules.chooses_provider(options),
        "offers_first_available": rules.offers_first_available(options),
        "providers": _choices(session, offered) if rules.chooses_provider(options) else [],
        "due": _due(session, person, options, offered if may_book else set()),
    }


def list_my_free_times(
    session: Session,
    caller: Caller,
    *,
    portal: str | None,
    person_id: str | None,
    type_id: str,
    provider_id: str | None,
    from_on: datetime.date | None,
) -> dict[str, Any]:
    """The next days with free times. Raises Refused `not_found`, `scheduling_not_offered`, `past_due`."""
    _, options = access.options_of(session, caller, portal)
    wish = wished(session, caller, options, access.person_booked_for(caller, person_id), type_id)
    rules.require_choice(options, provider_id)
    return finder(session, wish, provider_id).next_days(from_on)


def wished(session: Session, caller: Caller, options: rules.Options, person_id: str, type_id: str) -> Wish:
    """What the caller may book of a type. Raises Refused `not_found`, `scheduling_not_offered`, `past_due`."""
    rules.require_self_scheduling(options)
    kind = offered_type(session, caller, options, type_id)
    due = due_on(session, person_id, kind.id)
    rules.require_not_past_due(options, due, today(session))
    return Wish(person_id, kind, options, due)


def offered_type(session: Session, caller: Caller, options: rules.Options, type_id: str) -> AppointmentType:
    """A type that the caller may book or ask for. Raises Refused `not_found`."""
    kind = schedules.find_type(session, type_id)
    if not rules.offered([kind], options, caller.realm):
        raise Refused("not_found", "There is no such type of appointments.", "type_id")
    return kind


def finder(session: Session, wish: Wish, provider_id: str | None) -> Finder:
    """What finds the free times that may be booked. Raises Refused `not_found` for a provider."""
    providers = chosen_providers(session, wish.kind, provider_id)
    now, last = utc_now(), rules.last_day(wish.options, wish.due_on)
    stop = datetime.timedelta(minutes=wish.options.stop_minutes)

    def bookable(zone: ZoneInfo) -> tuple[datetime.datetime, datetime.datetime]:
        earliest, latest = bounds(now, zone, *rules.days_of(wish.options, wish.kind))
        earliest = max(earliest, now + stop)
        return earliest, latest if last is None else min(latest, rules.end_of(last, zone))

    return Finder(session, wish.kind, providers, bookable, is_any=provider_id is None)


def list_my_appointments(
    session: Session,
    caller: Caller,
    *,
    portal: str | None,
    person_id: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """Coming appointments, and a page of past ones of as many days as the portal shows. Raises Refused `not_found`."""
    person = access.person_seen(caller, person_id)
    _, options = access.options_of(session, caller, portal)
    now = utc_now()
    is_coming = and_(Appointment.state == BOOKED, Appointment.ends_at > now)
    own = select(Appointment).where(Appointment.person_id == person)
    coming = session.scalars(own.where(is_coming).order_by(Appointment.starts_at).limit(_MOST_COMING)).all()
    since = now - datetime.timedelta(days=options.days_past)
    past = own.where(
        or_(Appointment.state != BOOKED, Appointment.ends_at <= now), Appointment.ends_at > since
    )
    if after is not None:
        place = read_cursor(after, _ORDER, datetime.datetime, str)
        past = past.where(tuple_(Appointment.starts_at, Appointment.id) < tuple_(*place))
    ordered = past.order_by(Appointment.starts_at.desc(), Appointment.id.desc()).limit(limit + 1)
    rows = list(session.scalars(ordered))
    page = rows[:limit]
    is_last = len(rows) <= limit
    return {
        "person_id": person,
        "coming": views(session, caller, options, coming),
        "items": views(session, caller, options, page),
        "next": None if is_last else cursor_of(_ORDER, page[-1].starts_at, page[-1].id),
    }


def get_my_appointment(
    session: Session, caller: Caller, *, portal: str | None, appointment_id: str
) -> dict[str, Any]:
    """One appointment. Raises Refused `not_found`, `scheduling_not_offered`."""
    row = found(session, caller, appointment_id)
    return view(session, caller, access.options_of(session, caller, portal)[1], row)


def found(session: Session, caller: Caller, appointment_id: str, *, for_change: bool = False) -> Appointment:
    """An appointment of a person whose schedule is open to the caller. Raises Refused `not_found`."""
    statement = select(Appointment).where(Appointment.id == appointment_id)
    row = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if row is None or not _is_open(caller, row.person_id, for_change=for_change):
        raise Refused("not_found", "There is no such appointment.", "appointment_id")
    return row


def view(session: Session, caller: Caller, options: rules.Options, row: Appointment) -> dict[str, Any]:
    """An appointment as the contract's MyAppointment."""
    return views(session, caller, options, [row])[0]


def views(
    session: Session, caller: Caller, options: rules.Options, rows: Sequence[Appointment]
) -> list[dict[str, Any]]:
    """Appointments as the contract's MyAppointment, in two statements."""
    names = names_of(session, AppointmentProvider, {row.provider_id for row in rows})
    wanted = select(AppointmentType).where(AppointmentType.id.in_({row.type_id for row in rows}))
    kinds = {each.id: each for each in session.scalars(wanted)}
    return [_view(caller, options, row, kinds[row.type_id], names) for row in rows]


def _view(
    caller: Caller, options: rules.Options, row: Appointment, kind: AppointmentType, names: dict[str, str]
) -> dict[str, Any]:
    until, now = rules.changes_until(row.starts_at, kind.changes_until_hours, options), utc_now()
    possible = rules.actions(options, row.state, row.moves, until, now)
    return {
        **{name: getattr(row, name) for name in _SHOWN},
        "type_name": kind.name,
        "preparation": kind.preparation,
        "provider_id": None if options.any_provider else row.provider_id,
        "provider_name": None if options.any_provider else names[row.provider_id],
        "is_over": row.ends_at <= now,
        "changes_until": until,
        "stop_text": options.stop_text if now >= rules.stops_at(row.starts_at, options) else None,
        "actions": possible if access.may_book_for(caller, row.person_id) else [],
    }


def _is_open(caller: Caller, person_id: str, *, for_change: bool) -> bool:
    try:
        (access.person_booked_for if for_change else access.person_seen)(caller, person_id)
    except Refused:
        return False
    return True


def _choices(session: Session, type_ids: set[str]) -> list[dict[str, Any]]:
    found = schedules.active_providers(session)
    choices = [
        {"id": each.id, "name": each.name, "type_ids": [one for one in each.type_ids if one in type_ids]}
        for each in found
    ]
    return [each for each in choices if each["type_ids"]]


def _due(
    session: Session, person_id: str, options: rules.Options, bookable: set[str]
) -> list[dict[str, Any]]:
    invitations = open_invitations(session, person_id)
    names = names_of(session, AppointmentType, {each.type_id for each in invitations})
    day = today(session)
    return [
        {
            "type_id": each.type_id,
            "type_name": names[each.type_id],
            "due_on": each.due_on,
            "is_past_due": rules.is_past_due(each.due_on, day),
            "warning": rules.warning(options, each.due_on, day),
            "can_be_booked": each.type_id in bookable
            and options.booking_mode == rules.SELF_SCHEDULING
            and (options.past_due_scheduling or not rules.is_past_due(each.due_on, day)),
        }
        for each in invitations
    ]
