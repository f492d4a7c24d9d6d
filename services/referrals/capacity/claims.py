"""The two statements that count: claim and release."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, case, exists, or_, select, update
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.referrals.capacity.due_lines import settled
from services.referrals.capacity.history import publish_change
from services.referrals.capacity.models import CapacitySettings, Line, Term
from services.referrals.capacity.readings import counted, status_of
from services.referrals.capacity.rules import Mode

_NOW_IN_DATABASE = {"synchronize_session": False, "populate_existing": True}


def claim(unit: UnitOfWork, program_id: str, line_id: str | None = None) -> str | None:
    """Take one of a program's places and return the id of the line that was counted.

    Without `line_id` it is the first line, in their order, with a free place. None where nothing limits the program:
    nobody has said how much it can take, nothing of that is in effect, or the organisation works without capacity. One
    conditional statement decides for each line, so two who want the last place cannot both have it. Raises Refused
    `capacity_exhausted`, and `not_found` for a line that is not the program's.
    """
    lines = lines_of(unit.session, program_id)
    for line in _chosen(unit.session, lines, program_id, line_id):
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
    """Give one place of a line back. In mode "period" it stays used until the next window.

    Raises Refused `capacity_not_claimed` where none is taken.
    """
    line = _give_back(unit, line_id)
    if line is None and settled(unit, line_id) is not None:
        line = _give_back(unit, line_id)
    if line is None:
        raise Refused("capacity_not_claimed", "No place is taken, so none can be given back.")
    _tell(unit, line, "released")


def exhausted() -> Refused:
    """The refusal of a claim when nothing is free."""
    return Refused(
        "capacity_exhausted", "The program has no free capacity; choose another program.", "program_id"
    )


def lines_of(session: Session, program_id: str) -> list[Row[Any]]:
    """The lines that limit a program, in their order: id, term_id, settles_at, used, total."""
    is_off = exists().where(
        CapacitySettings.organisation_id == Line.organisation_id, CapacitySettings.is_on.is_(False)
    )
    statement = (
        select(Line.id, Line.term_id, Line.settles_at, Line.used, Line.total)
        .where(Line.program_id == program_id, Line.removed_at.is_(None), ~is_off)
        .order_by(Line.position, Line.id)
    )
    return list(session.execute(statement))


def _chosen(session: Session, lines: list[Row[Any]], program_id: str, line_id: str | None) -> list[Row[Any]]:
    if line_id is None or not lines:
        return lines
    chosen = [line for line in lines if line.id == line_id]
    if chosen or session.scalar(select(Line.program_id).where(Line.id == line_id)) == program_id:
        return chosen  # one that was taken away has no places: a referral may have waited for it
    raise Refused("not_found", "The program has no capacity line with this id.", "line_id")


def _is_settled(unit: UnitOfWork) -> Any:
    """A line that is due must be settled first: the statement then finds no row."""
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
    # A schedule may have begun below what was taken: the total follows down to what it asks for.
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
    """Write what was counted into the history, and publish it. Nobody reads a line of which nothing is in effect."""
    if line.term_id is None:
        return
    term = unit.session.get_one(Term, line.term_id)
    current = counted(line, {term.id: term})
    assert current is not None  # noqa: S101 - it has a term
    publish_change(unit, line, current, status_of(current, unit.now), kind, unit.now)
