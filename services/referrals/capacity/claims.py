"""Claims: the two statements that count places, claim and release."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, exists, or_, select, update
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.referrals.capacity.due_lines import settled
from services.referrals.capacity.history import publish_change
from services.referrals.capacity.models import CapacitySettings, Line, Term
from services.referrals.capacity.readings import counted, status_of
from services.referrals.capacity.rules import Mode

_NOW_IN_DATABASE = {"synchronize_session": False, "populate_existing": True}


class LimitingLine(NamedTuple):
    """A line as a claim reads it. Without a `term_id` nothing of it is in effect, and it does not limit."""

    id: str
    term_id: str | None
    settles_at: datetime.datetime | None
    used: int
    total: int


def claim(
    unit: UnitOfWork, program_id: str, line_id: str | None = None, *, but: Collection[str | None] = ()
) -> str | None:
    """Take one of a program's places and return the id of the line that was counted.

    Without `line_id` it is the first line, in their order, with a free place; lines of `but` are left out. None where the
    program has no limit: no capacity was set, none is in effect, or the organisation works without capacity. One
    conditional statement decides for each line, so of two claims of the last place only one succeeds. Raises Refused
    `capacity_exhausted`, and `not_found` for a line of another program.
    """
    lines = lines_of(unit.session, program_id)
    for line in _chosen(unit.session, lines, program_id, line_id):
        if line.id in but:
            continue
        if line.settles_at is not None and line.settles_at <= unit.now:
            settled(unit, line.id)
        if _take(unit, line.id):
            return line.id
    in_effect = select(Line.id).where(
        Line.id.in_([line.id for line in lines]), Line.term_id.is_not(None), Line.removed_at.is_(None)
    )
    if unit.session.scalars(in_effect.limit(1)).first() is None:
        return None
    raise exhausted()


def release(unit: UnitOfWork, line_id: str) -> None:
    """Give one place of a line back. In mode "period" the place counts as used until the next window.

    Raises Refused `capacity_not_claimed` where no place is taken.
    """
    line = _give_back(unit, line_id)
    if line is None and settled(unit, line_id) is not None:
        line = _give_back(unit, line_id)
    if line is None:
        raise Refused("capacity_not_claimed", "No place is taken, so none can be given back.")
    _tell(unit, line, "released")


def exhausted() -> Refused:
    """The refusal of a claim when no place is free."""
    return Refused(
        "capacity_exhausted", "The program has no free capacity; choose another program.", "program_id"
    )


def lines_of(session: Session, program_id: str) -> list[LimitingLine]:
    """The lines that limit a program, in their order."""
    is_off = exists().where(
        CapacitySettings.organisation_id == Line.organisation_id, CapacitySettings.is_on.is_(False)
    )
    statement = (
        select(Line.id, Line.term_id, Line.settles_at, Line.used, Line.total)
        .where(Line.program_id == program_id, Line.removed_at.is_(None), ~is_off)
        .order_by(Line.position, Line.id)
    )
    return [LimitingLine._make(row) for row in session.execute(statement)]


def _chosen(
    session: Session, lines: list[LimitingLine], program_id: str, line_id: str | None
) -> list[LimitingLine]:
    if line_id is None or not lines:
        return lines
    chosen = [line for line in lines if line.id == line_id]
    if chosen or session.scalar(select(Line.program_id).where(Line.id == line_id)) == program_id:
        return chosen  # empty for a removed line, which a waiting referral may still name
    raise Refused("not_found", "The program has no capacity line with this id.", "line_id")


def _is_settled(unit: UnitOfWork) -> ColumnElement[bool]:
    """Condition: the line is not due. A line that is due must be settled before it counts."""
    return or_(Line.settles_at.is_(None), Line.settles_at > unit.now)


def _take(unit: UnitOfWork, line_id: str) -> bool:
    line = unit.session.scalars(
        update(Line)
        .where(
            Line.id == line_id,
            Line.removed_at.is_(None),
            Line.term_id.is_not(None),
            Line.used < Line.total,
            _is_settled(unit),
        )
        .values(used=Line.used + 1, held=Line.held + 1, version=Line.version + 1, **_stamp(unit))
        .returning(Line),
        execution_options=_NOW_IN_DATABASE,
    ).one_or_none()
    if line is not None:
        _tell(unit, line, "claimed")
    return line is not None


def _give_back(unit: UnitOfWork, line_id: str) -> Line | None:
    is_occupied = Line.mode == Mode.OCCUPANCY.value
    fewer = Line.used - 1
    # A scheduled total may be lower than the places taken when it began: `total` then falls with each release.
    total = case((Line.planned_total > fewer, Line.planned_total), else_=fewer)
    return unit.session.scalars(
        update(Line)
        .where(Line.id == line_id, Line.held > 0, _is_settled(unit))
        .values(
            held=Line.held - 1,
            used=case((is_occupied, fewer), else_=Line.used),
            total=case((is_occupied, total), else_=Line.total),
            version=Line.version + 1,
            **_stamp(unit),
        )
        .returning(Line),
        execution_options=_NOW_IN_DATABASE,
    ).one_or_none()


def _stamp(unit: UnitOfWork) -> dict[str, Any]:
    return {"updated_at": unit.now, "organisation_key": unit.organisation_key}


def _tell(unit: UnitOfWork, line: Line, kind: str) -> None:
    """Write the count into the history and publish it, unless no term of the line is in effect."""
    if line.term_id is None:
        return
    term = unit.session.get_one(Term, line.term_id)
    current = counted(line, {term.id: term})
    assert current is not None  # noqa: S101 - the line has a term
    publish_change(unit, line, current, status_of(current, unit.now), kind, unit.now)
