"""Commands of capacity. Other subjects import `claim` and `release`, the counting in claims.py, from here."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any, Unpack

from sqlalchemy import func, select, update

from services.chassis import wire
from services.chassis.database import insert_unless_there
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals.capacity import capacity_changed
from services.contracts.spelling import search_key
from services.referrals.access.access_scope import access_scope_of
from services.referrals.capacity.claims import claim, exhausted, release
from services.referrals.capacity.due_lines import count_what_came_meanwhile, put, remind, settled
from services.referrals.capacity.earlier_referrals import take_in
from services.referrals.capacity.history import author_of, publish_new_version
from services.referrals.capacity.models import CapacitySettings, Line, Term
from services.referrals.capacity.queries import no_capacity, one_view, outside_every_queue
from services.referrals.capacity.readings import Terms, counted, require_link_holds, said
from services.referrals.capacity.rules import (
    CapacityLine,
    CapacityStatus,
    Mode,
    at_window,
    check_line,
    check_schedule,
    next_boundary,
    step,
)
from services.referrals.capacity.settings import settings_of
from services.referrals.capacity.statements import (
    Stated,
    carry_over,
    fill,
    in_utc,
    named_in,
    statement_in,
)
from services.referrals.capacity.views import NOTHING, scheduled_view
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import get_program
from services.referrals.models import Referral

__all__ = ["claim", "exhausted", "release"]  # from claims.py, beside the commands

HELD_FOR = datetime.timedelta(
    days=7
)  # a confirmation without an end, where nothing else tells how long it holds
MOST_SCHEDULED = 100


class LineChanges(Stated, total=False):
    """What somebody changes of a line."""

    target_population: str | None


class ScheduleChanges(Stated, total=False):
    """What somebody changes of a scheduled capacity. Without `ends_at` (None) it has no end."""

    ends_at: datetime.datetime | None


# The commands below take the unit of work by its place, since a line has a `unit`, too.


def set_capacity(unit: UnitOfWork, /, *, program_id: str, **stated: Unpack[Stated]) -> dict[str, Any]:
    """Set the capacity of a program's first line (S0-2, S0-9), with a note to the partner (S0-10).

    Where a scheduled change is in effect, this edits that change; the capacity before it comes back unchanged. Raises
    Refused `not_found` (no such program in reach), `not_a_program`, `feature_is_off`, `invalid_capacity`,
    `capacity_below_use`.
    """
    program = _program_in_reach(unit, program_id)
    line, terms = _first_line(unit, program.id, stated.get("unit", NOTHING.unit))
    unit.honour_version(line)
    line.removed_at = None
    return _set(unit, line, terms, _statement_now(unit, stated, line, terms), "set")


def add_capacity_line(
    unit: UnitOfWork,
    /,
    *,
    program_id: str,
    name: str,
    target_population: str | None,
    **stated: Unpack[Stated],
) -> dict[str, Any]:
    """Add a line to a program, after the others.

    Raises Refused as `set_capacity`, and `conflict` for a name that another line has.
    """
    program = _program_in_reach(unit, program_id)
    _refuse_same_name(unit, program.id, name, "")
    last = unit.session.scalar(select(func.max(Line.position)).where(Line.program_id == program.id))
    line = _empty_line(unit, wire.new_id(), program.id, name, (last or 0) + 1)
    unit.add(Line(**line, target_population=target_population))
    unit.session.flush()
    return _set(unit, *_settled(unit, line["id"]), statement_in(stated, NOTHING), "added")


def edit_capacity_line(
    unit: UnitOfWork, /, *, line_id: str, name: str | None = None, **changes: Unpack[LineChanges]
) -> dict[str, Any]:
    """Change a line's name and capacity. Raises Refused as `set_capacity`, and `conflict`."""
    line, terms = _line_in_reach(unit, line_id)
    require_link_holds(unit.caller, line, terms)
    if name is not None:
        _refuse_same_name(unit, line.program_id, name, line.id)
        line.name = name
    if "target_population" in changes:
        line.target_population = changes["target_population"]
    return _set(unit, line, terms, _statement_now(unit, changes, line, terms), "set")


def remove_capacity_line(unit: UnitOfWork, *, line_id: str) -> dict[str, Any]:
    """Remove a line with everything that is scheduled for it. It counts no longer; its history stays.

    A referral that waits for it waits for any place of the program from now on. Referrals that hold its places keep them,
    and no place becomes free when they end. Raises Refused `not_found`, `feature_is_off`, `version_conflict`.
    """
    # Locks are taken in the order used everywhere: referrals before capacity.
    waiting = update(Referral).where(Referral.capacity_line_id == line_id, Referral.is_waiting)
    unit.session.execute(waiting.values(capacity_line_id=None))
    line, terms = _line_in_reach(unit, line_id)
    before = counted(line, terms)
    put(line, terms, before, None)
    for term in terms.values():
        term.closed_at = unit.now
    line.removed_at, line.settles_at, line.reminds_at = unit.now, None, None
    unit.audit("capacity.line_removed", "program", line.program_id, line_id=line.id, held=line.held)
    publish_new_version(unit, line, None, "removed", unit.now, was=before)
    return {"line_id": line.id, "removed_at": unit.now}


def confirm_capacity(
    unit: UnitOfWork, *, line_id: str, valid_until: datetime.datetime | None
) -> dict[str, Any]:
    """Confirm a line's numbers as they are, until `valid_until`.

    Without it they hold for the time that the organisation's settings name, else as long as when they were set, else for
    seven days. Numbers without an end stay without one. Raises Refused `not_found`, `feature_is_off`,
    `invalid_capacity`.
    """
    line, terms = _line_in_reach(unit, line_id)
    require_link_holds(unit.caller, line, terms)
    current = counted(line, terms)
    if current is None:
        raise Refused(
            "invalid_capacity", "Nothing is in effect to be confirmed; set the capacity.", "line_id"
        )
    term = terms[current.id]
    term.valid_until = in_utc(valid_until) or _held_until(unit, term)
    _refuse_past(term.valid_until, unit.now, "valid_until")
    _sign(unit, term)
    current = replace(current, valid_until=term.valid_until)
    line.settles_at = next_boundary([said(each) for each in terms.values()], current, unit.now)
    remind(unit, line, current, unit.now)
    unit.audit("capacity.confirmed", "program", line.program_id, line_id=line.id)
    publish_new_version(unit, line, current, "confirmed", unit.now)
    unit.session.flush()
    return one_view(unit.session, line.id, unit.now)


def schedule_capacity(
    unit: UnitOfWork,
    /,
    *,
    program_id: str,
    line_id: str | None,
    starts_at: datetime.datetime,
    ends_at: datetime.datetime | None = None,
    **stated: Unpack[Stated],
) -> dict[str, Any]:
    """Schedule a line's capacity from a later time on, until it ends or another schedule starts (S0-8).

    Raises Refused `not_found`, `not_a_program`, `feature_is_off`, `invalid_capacity`, `capacity_schedule_clash`.
    """
    program = _program_in_reach(unit, program_id)
    if line_id is None:
        line, terms = _first_line(unit, program.id, stated.get("unit", NOTHING.unit))
        line.removed_at = None
    else:
        line, terms = _held_line(unit, line_id)
        if line.program_id != program.id:
            raise _no_line()
    if (
        sum(each.starts_at is not None and each.starts_at > unit.now for each in terms.values())
        >= MOST_SCHEDULED
    ):
        detail = f"At most {MOST_SCHEDULED} changes can be scheduled; cancel one first."
        raise Refused("invalid_capacity", detail, "starts_at")
    term = Term(id=wire.new_id(), line_id=line.id, named=named_in(stated), used=0, version=0)
    # Its own time, not the one of the numbers now, says how long its numbers are valid.
    before = replace(_last_said(line, terms), valid_until=None)
    _write_scheduled(unit, line, terms, term, statement_in(stated, before), starts_at, ends_at)
    unit.add(term)
    unit.audit("capacity.scheduled", "program", program.id, line_id=line.id, schedule_id=term.id)
    return scheduled_view(term)


def edit_scheduled_capacity(
    unit: UnitOfWork,
    /,
    *,
    schedule_id: str,
    starts_at: datetime.datetime | None = None,
    **changes: Unpack[ScheduleChanges],
) -> dict[str, Any]:
    """Change a scheduled capacity before it begins.

    Raises Refused as `schedule_capacity`, `version_conflict`, and `conflict` where it has begun.
    """
    line, terms, term = _scheduled_in_reach(unit, schedule_id)
    if line.term_id == term.id or (term.starts_at is not None and term.starts_at <= unit.now):
        raise Refused("conflict", "It has begun: edit the line itself, or cancel the change.", "schedule_id")
    others = {key: each for key, each in terms.items() if key != term.id}
    assert term.starts_at is not None  # noqa: S101 - a scheduled change has a beginning
    times = (starts_at or term.starts_at, changes.get("ends_at", term.ends_at))
    if term.named is not None:
        term.named = named_in(changes, term.named)
    _write_scheduled(unit, line, others, term, statement_in(changes, said(term)), *times)
    unit.audit("capacity.schedule_edited", "program", line.program_id, schedule_id=term.id)
    return scheduled_view(term)


def cancel_scheduled_capacity(unit: UnitOfWork, *, schedule_id: str) -> dict[str, Any]:
    """Cancel a scheduled change. One that has begun ends now, and the capacity before it holds again.

    Raises Refused `not_found`, `feature_is_off`, `version_conflict`.
    """
    line, terms, term = _scheduled_in_reach(unit, schedule_id)
    before = counted(line, terms)
    lines = [said(each) for each in terms.values() if each is not term]
    following = step(lines, before, line.held, unit.now)
    term.closed_at = unit.now
    carry_over({key: each for key, each in terms.items() if each is not term}, unit.now)
    line.settles_at = next_boundary(lines, following, unit.now)
    if line.term_id == term.id:
        put(line, terms, before, following)
        remind(unit, line, following, unit.now)
        publish_new_version(unit, line, following, "took_effect", unit.now, was=before)
    unit.audit("capacity.schedule_cancelled", "program", line.program_id, schedule_id=term.id)
    return {"schedule_id": term.id, "cancelled_at": unit.now}


def set_capacity_settings(
    unit: UnitOfWork, *, is_on: bool, remind_hours: int, confirm_after_days: int | None
) -> CapacitySettings:
    """Change the organisation's settings for capacity (S0-7). While it is off, nobody waits for a place."""
    settings = settings_of(unit.session, unit.organisation_id)
    was_on = settings.is_on
    if settings.organisation_id is None:
        unit.add(settings)
    settings.is_on, settings.remind_hours = is_on, remind_hours
    settings.confirm_after_days = confirm_after_days
    assert unit.organisation_id is not None  # noqa: S101 - an account has its organisation
    unit.audit("capacity.settings_changed", "organisation", unit.organisation_id, is_on=settings.is_on)
    if was_on and not is_on:
        _tell_that_nothing_limits(unit)
    if is_on and not was_on:
        count_what_came_meanwhile(unit)
    return settings


def _tell_that_nothing_limits(unit: UnitOfWork) -> None:
    """Publish that nothing is known of the lines of programs for which referrals wait, so that these are let in."""
    waiting = select(Referral.program_id).where(Referral.is_waiting)
    lines = select(Line).where(Line.program_id.in_(waiting), Line.removed_at.is_(None))
    for line in unit.session.scalars(lines.order_by(Line.program_id, Line.position)):
        facts = {"program_id": line.program_id, "line_id": line.id, "status": CapacityStatus.UNKNOWN.value}
        unit.publish(capacity_changed, line.program_id, {**facts, "total": 0, "used": 0, "free": 0})


def _set(
    unit: UnitOfWork, line: Line, terms: dict[str, Term], stated: CapacityLine, kind: str
) -> dict[str, Any]:
    """Let a line say what was stated, from now on."""
    current = counted(line, terms)
    term = terms[current.id] if current else Term(id=wire.new_id(), line_id=line.id, used=0, version=0)
    stated = _checked(unit, stated, unit.now, term.starts_at, term.ends_at)
    if current is None:
        stated = take_in(unit, line, stated, unit.now)
    stated = check_line(replace(_counting(stated, current, line.held), id=term.id))
    stated = at_window(stated, unit.now)
    fill(term, stated)
    _sign(unit, term)
    if current is None:
        terms[term.id] = unit.add(term)
    put(line, terms, current, stated)
    carry_over(terms, unit.now)
    line.settles_at = next_boundary([said(each) for each in terms.values()], stated, unit.now)
    remind(unit, line, stated, unit.now)
    unit.audit(
        "capacity.set", "program", line.program_id, line_id=line.id, total=stated.total, used=stated.used
    )
    publish_new_version(unit, line, stated, kind, unit.now)
    unit.session.flush()
    return one_view(unit.session, line.id, unit.now)


def _counting(stated: CapacityLine, current: CapacityLine | None, held: int) -> CapacityLine:
    """The line with its present count: the places held, or those taken in a window of the same kind."""
    if stated.mode is Mode.OCCUPANCY:
        return replace(stated, used=held)
    if current is None or (current.period, current.time_zone) != (stated.period, stated.time_zone):
        return stated
    return replace(stated, used=current.used, window_started_at=current.window_started_at)


def _statement_now(unit: UnitOfWork, stated: Stated, line: Line, terms: dict[str, Term]) -> CapacityLine:
    """What is stated about a line from now on. An end of validity that is over begins anew, as by a confirmation."""
    current = counted(line, terms)
    if current is None:
        return statement_in(stated, NOTHING)
    term = terms[current.id]
    before = said(term)
    days = settings_of(unit.session, unit.organisation_id).confirm_after_days
    if days or (term.valid_until is not None and term.valid_until <= unit.now):
        before = replace(before, valid_until=_held_until(unit, term))
    return statement_in(stated, before)


def _checked(
    unit: UnitOfWork,
    stated: CapacityLine,
    begins: datetime.datetime,
    starts_at: datetime.datetime | None,
    ends_at: datetime.datetime | None,
) -> CapacityLine:
    """The statement, checked; without an end of validity it gets the one that the organisation's settings give."""
    valid_until = stated.valid_until
    if valid_until is None:
        days = settings_of(unit.session, unit.organisation_id).confirm_after_days
        valid_until = begins + datetime.timedelta(days=days) if days else None
    _refuse_past(valid_until, begins, "valid_until")
    return check_line(
        replace(stated, starts_at=in_utc(starts_at), ends_at=in_utc(ends_at), valid_until=valid_until)
    )


def _sign(unit: UnitOfWork, term: Term) -> None:
    """Note who stated the term, and when. A scheduled change takes effect under this author's name."""
    author = author_of(unit)
    term.said_at, term.said_by, term.said_by_realm = unit.now, author.id, author.realm
    term.version += 1


def _last_said(line: Line, terms: Terms) -> CapacityLine:
    """What the line says: the term in effect, or the one that begins next where none is."""
    if line.term_id is not None:
        return said(terms[line.term_id])
    return next((said(term) for term in terms.values()), NOTHING)


def _write_scheduled(
    unit: UnitOfWork,
    line: Line,
    others: Terms,
    term: Term,
    stated: CapacityLine,
    starts_at: datetime.datetime,
    ends_at: datetime.datetime | None,
) -> None:
    _refuse_past(starts_at, unit.now, "starts_at")
    stated = replace(_checked(unit, stated, starts_at, starts_at, ends_at), id=term.id)
    lines = [*(said(each) for each in others.values()), stated]
    check_schedule(lines)
    fill(term, stated)
    _sign(unit, term)
    carry_over({**others, term.id: term}, unit.now)
    line.settles_at = next_boundary(lines, counted(line, others), unit.now)


def _held_until(unit: UnitOfWork, term: Term) -> datetime.datetime | None:
    days = settings_of(unit.session, unit.organisation_id).confirm_after_days
    if days:
        return unit.now + datetime.timedelta(days=days)
    if term.valid_until is None:
        return None
    since = max(term.said_at, term.starts_at or term.said_at)
    return unit.now + (term.valid_until - since if term.valid_until > since else HELD_FOR)


def _refuse_past(instant: datetime.datetime | None, now: datetime.datetime, field: str) -> None:
    if instant is not None and instant <= now:
        raise Refused("invalid_capacity", "This must be a later time.", field)


def _refuse_same_name(unit: UnitOfWork, program_id: str, name: str, own_id: str) -> None:
    others = select(Line.name).where(
        Line.program_id == program_id, Line.removed_at.is_(None), Line.id != own_id
    )
    if search_key(name) in {search_key(other) for other in unit.session.scalars(others)}:
        raise Refused("conflict", "Another line of the program has this name; choose another one.", "name")


def _program_in_reach(unit: UnitOfWork, program_id: str) -> Resource:
    scope = access_scope_of(unit.caller).of_capacity(Resource.id)
    if unit.session.scalar(select(Resource.id).where(Resource.id == program_id, scope)) is None:
        raise no_capacity(unit.session, unit.caller, program_id)
    program = get_program(unit.session, program_id)
    _require_on(unit)
    return program


def _line_in_reach(unit: UnitOfWork, line_id: str) -> tuple[Line, dict[str, Term]]:
    line, terms = _held_line(unit, line_id)
    unit.honour_version(line)
    return line, terms


def _held_line(unit: UnitOfWork, line_id: str) -> tuple[Line, dict[str, Term]]:
    scope = access_scope_of(unit.caller).of_capacity(Line.program_id)
    statement = select(Line.id).where(Line.id == line_id, Line.removed_at.is_(None), scope)
    if unit.session.scalar(statement) is None:
        program_id = unit.session.scalar(
            select(Line.program_id).where(Line.id == line_id, Line.removed_at.is_(None))
        )
        raise outside_every_queue(unit.session, unit.caller, program_id, "line_id") or _no_line()
    _require_on(unit)
    return _settled(unit, line_id)


def _scheduled_in_reach(unit: UnitOfWork, schedule_id: str) -> tuple[Line, dict[str, Term], Term]:
    scheduled = (
        select(Term.line_id, Line.program_id)
        .join(Line, Line.id == Term.line_id)
        .where(Term.id == schedule_id, Term.closed_at.is_(None), Term.starts_at.is_not(None))
        .where(Line.removed_at.is_(None))
    )
    in_reach = scheduled.where(access_scope_of(unit.caller).of_capacity(Line.program_id))
    line_id = unit.session.scalar(in_reach)
    # A change out of reach gets the same refusal as one that does not exist.
    absent = Refused("not_found", "There is no scheduled change with this id.", "schedule_id")
    if line_id is None:
        program_id = unit.session.scalar(scheduled.with_only_columns(Line.program_id))
        raise outside_every_queue(unit.session, unit.caller, program_id, "schedule_id") or absent
    line, terms = _held_line(unit, line_id)
    if schedule_id not in terms:  # settling the line has just closed it
        raise absent
    unit.require_version(terms[schedule_id])
    return line, terms, terms[schedule_id]


def _settled(unit: UnitOfWork, line_id: str) -> tuple[Line, dict[str, Term]]:
    found = settled(unit, line_id)
    if found is None:
        raise _no_line()
    return found


def _first_line(unit: UnitOfWork, program_id: str, name: str) -> tuple[Line, dict[str, Term]]:
    """The program's first line, created if there is none, and locked against claims until the transaction ends."""
    row = {**_empty_line(unit, program_id, program_id, name, 0), "organisation_id": unit.organisation_id}
    insert_unless_there(unit.session, Line.__table__, row)
    return _settled(unit, program_id)


def _empty_line(unit: UnitOfWork, line_id: str, program_id: str, name: str, position: int) -> dict[str, Any]:
    counts = {"total": 0, "planned_total": 0, "used": 0, "held": 0, "version": 0}
    return {
        "id": line_id,
        "organisation_key": unit.organisation_key,
        "program_id": program_id,
        "position": position,
        "name": name,
        "mode": Mode.OCCUPANCY.value,
        "updated_at": unit.now,
        **counts,
    }


def _require_on(unit: UnitOfWork) -> None:
    if not settings_of(unit.session, unit.organisation_id).is_on:
        raise Refused("feature_is_off", "The organisation works without capacity; switch it on first.")


def _no_line() -> Refused:
    return Refused("not_found", "There is no capacity line with this id.", "line_id")
