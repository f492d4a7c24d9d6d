"""Queries of the FHIR view."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, func, literal, select, tuple_
from sqlalchemy.orm import Session

from services.chassis import fhir_queries, fhir_search
from services.chassis.cursors import cursor_of
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.portals.appointments import BOOKED
from services.contracts.portals.fhir import PARAMETERS
from services.portals.appointments.models import Appointment
from services.portals.fhir import resources, rules
from services.portals.fhir.kinds import Kind
from services.portals.schedules.models import Schedule
from services.portals.schedules.opening import openings

_DAY = datetime.timedelta(days=1)
_SLOTS = "FHIR slots"


def read(session: Session, _caller: Caller, kind: Kind, *, resource_id: str) -> dict[str, Any]:
    """One resource of a type. Raises Refused `not_found`."""
    own_id = fhir_search.check_id(resource_id)
    row = session.execute(kind.rows.where(kind.model.id == own_id)).one_or_none()
    if row is None:
        raise _not_found()
    return {"resource": kind.shape(row)}


def search(
    session: Session,
    _caller: Caller,
    kind: Kind,
    *,
    parameters: Mapping[str, Any],
    is_lenient: bool,
    base_url: str,
) -> dict[str, Any]:
    """A page of a type as a Bundle. Raises Refused `search_refused`.

    A client that asks for changes since a time gets the oldest change first, to continue from the last one.
    """
    wanted = fhir_search.read_search(kind.name, PARAMETERS[kind.name], parameters, is_lenient=is_lenient)
    fhir_queries.keep_few_statements(session, wanted)
    links = {"self": fhir_search.link(base_url, wanted, wanted.after)}
    if wanted.count == 0:
        ids = _matches(kind, wanted).with_only_columns(literal(1), maintain_column_froms=True).subquery()
        total = session.scalar(select(func.count()).select_from(ids))
        return {"resource": fhir_search.search_bundle(base_url, [], links, utc_now(), total)}
    shown, following = _page(session, kind, wanted)
    if following is not None:
        links["next"] = fhir_search.link(base_url, wanted, following)
    return {"resource": fhir_search.search_bundle(base_url, shown, links, utc_now(), None)}


def page_by_change(
    session: Session,
    _caller: Caller,
    kind: Kind,
    *,
    since: datetime.datetime | None,
    until: datetime.datetime,
    after: str | None,
    count: int,
) -> dict[str, Any]:
    """A page of what has changed within this time, oldest change first. Raises Refused `search_refused`."""
    shown, following = _page(session, kind, fhir_search.changed_within(kind.name, since, until, count, after))
    return {"resources": shown, "next": following}


def _matches(kind: Kind, wanted: fhir_search.Search) -> Select[*tuple[Any, ...]]:
    return kind.rows.where(*(kind.conditions[name](values, name) for name, values in wanted.conditions))


def _page(
    session: Session, kind: Kind, wanted: fhir_search.Search
) -> tuple[list[dict[str, Any]], str | None]:
    """The resources of a page, and the cursor of the next one."""
    statement = _matches(kind, wanted)
    by_change = any(name == "_lastUpdated" for name, _ in wanted.conditions)
    at, own_id = kind.changed if by_change else kind.order, kind.model.id
    order = f"FHIR {kind.name} by {'change' if by_change else at.key}"
    if wanted.after is not None:
        last_at, last_id = fhir_queries.place_of(wanted.after, order, datetime.datetime, str)
        here, place = tuple_(at, own_id), tuple_(literal(last_at, at.type), literal(last_id))
        statement = statement.where(here > place if by_change else here < place)
    ordered = statement.order_by(*((at, own_id) if by_change else (at.desc(), own_id.desc())))
    rows = session.execute(ordered.limit(wanted.count + 1)).all()
    page = rows[: wanted.count]
    last = page[-1][0] if len(rows) > len(page) else None
    following = None if last is None else cursor_of(order, getattr(last, at.key), last.id)
    return [kind.shape(each) for each in page], following


def read_slot(session: Session, _caller: Caller, *, resource_id: str) -> dict[str, Any]:
    """One time of a schedule. Raises Refused `not_found`: also for a time that is no longer as it was."""
    found = _slot(session, resource_id)
    if found is None:
        raise _not_found()
    return {"resource": resources.slot(found)}


def search_slots(
    session: Session,
    _caller: Caller,
    *,
    parameters: Mapping[str, Any],
    is_lenient: bool,
    base_url: str,
) -> dict[str, Any]:
    """The times of one schedule as a Bundle, by time. Raises Refused `search_refused`."""
    wanted = fhir_search.read_search("Slot", PARAMETERS["Slot"], parameters, is_lenient=is_lenient)
    found = _slots_of(session, wanted)
    links = {"self": fhir_search.link(base_url, wanted, wanted.after)}
    total, page = None, found
    if wanted.count == 0:
        total, page = len(found), []
    elif wanted.after is not None:
        (start,) = fhir_queries.place_of(wanted.after, _SLOTS, datetime.datetime)
        page = [each for each in found if each.start > start]
    if len(page) > wanted.count:
        page = page[: wanted.count]
        links["next"] = fhir_search.link(base_url, wanted, cursor_of(_SLOTS, page[-1].start))
    shown = [resources.slot(each) for each in page]
    return {"resource": fhir_search.search_bundle(base_url, shown, links, utc_now(), total)}


def _slots_of(session: Session, wanted: fhir_search.Search) -> list[rules.Slot]:
    given = dict(wanted.conditions)
    if "_id" in given:
        if len(given["_id"]) > 1:
            raise Refused("search_refused", "Give one id.", "_id")
        one = _slot(session, given["_id"][0])
        found = [] if one is None else [one]
    elif "schedule" in given:
        found = []
    else:
        raise Refused("search_refused", "Name the schedule: schedule=Schedule/….", "schedule")
    if "schedule" in given:
        ids = [fhir_search.reference_id(each, ("Schedule",), "schedule")[1] for each in given["schedule"]]
        if len(ids) > 1:
            raise Refused("search_refused", "Name one schedule.", "schedule")
        if "_id" in given:
            found = [each for each in found if each.schedule_id in ids]
        else:
            schedule = session.scalars(select(Schedule).where(Schedule.id == ids[0])).one_or_none()
            begin, end = _period(wanted)
            found = [] if schedule is None else _slots(session, schedule, begin, end)
    if "status" in given:
        codes = [
            fhir_search.token_code(each, rules.SLOT_STATUS, "status", (rules.FREE, rules.BUSY))
            for each in given["status"]
        ]
        found = [each for each in found if each.status in codes]
    return found


def _period(wanted: fhir_search.Search) -> tuple[datetime.datetime, datetime.datetime]:
    """The time whose slots are asked for; every `start` must match. Raises Refused `search_refused` if it is too long."""
    begin, end = None, None
    for name, values in wanted.conditions:
        if name != "start":
            continue
        if len(values) > 1:
            raise Refused("search_refused", "Give one date, or a period as two parameters.", "start")
        low, high = fhir_search.moments(values[0], "start")
        begin = low if begin is None or (low is not None and low > begin) else begin
        end = high if end is None or (high is not None and high < end) else end
    if begin is None:
        begin = utc_now() if end is None else min(utc_now(), end)
    if end is None:
        end = begin + rules.USUAL_DAYS * _DAY
    if end - begin > rules.MOST_DAYS * _DAY:
        raise Refused(
            "search_refused", f"Ask for at most {rules.MOST_DAYS} days: start=ge…&start=lt….", "start"
        )
    return begin, end


def _slot(session: Session, text: str) -> rules.Slot | None:
    named = rules.read_slot_id(text)
    if named is None:
        return None
    schedule_id, start = named
    schedule = session.scalars(select(Schedule).where(Schedule.id == schedule_id)).one_or_none()
    if schedule is None:
        return None
    found = _slots(session, schedule, start, start + datetime.timedelta(minutes=1))
    return next((each for each in found if each.start == start), None)


def _slots(
    session: Session, schedule: Schedule, begin: datetime.datetime, end: datetime.datetime
) -> list[rules.Slot]:
    """The slots of a schedule that begin in a period."""
    if begin.year not in rules.YEARS or end.year not in rules.YEARS:
        return []
    rows = session.execute(
        select(Appointment.schedule_id, Appointment.starts_at, Appointment.ends_at).where(
            Appointment.provider_id == schedule.provider_id,
            Appointment.starts_at >= begin - 2 * _DAY,
            Appointment.starts_at < end + 2 * _DAY,
            Appointment.state == BOOKED,
        )
    ).all()
    taken = [(row.starts_at, row.ends_at) for row in rows]
    booked = [(row.starts_at, row.ends_at) for row in rows if row.schedule_id == schedule.id]
    hours = openings(schedule, (begin - _DAY).date(), (end + _DAY).date())
    found = rules.slots(schedule.id, hours, taken, booked)
    return [each for each in found if begin <= each.start < end]


def _not_found() -> Refused:
    return Refused("not_found", "There is no resource with this id.", "resource_id")
