"""Commands of capacity, and the two statements that count: claim and release."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals import capacity_changed
from services.referrals.capacity.models import Capacity
from services.referrals.capacity.queries import view_of
from services.referrals.capacity.rules import CapacityLine, check_line
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import get_program
from services.referrals.reach import reach_of


def set_capacity(unit: UnitOfWork, request: Any) -> dict[str, Any]:
    """Say how much a program can take (S0-2, S0-9), with a note to the partner (S0-10).

    Raises Refused `not_found` (no such program in reach), `not_a_program`, `invalid_capacity`, `capacity_below_use`.
    """
    program = _program_in_reach(unit, request["program_id"])
    row = _locked_row(unit, program.id, request)
    line = check_line(
        CapacityLine(total=request["total"], unit=request["unit"], used=row.used, note=request["note"] or "")
    )
    row.total, row.unit, row.note = line.total, line.unit, line.note or None
    row.version += 1
    row.updated_at = unit.now
    unit.audit("capacity.set", "program", program.id, total=row.total, used=row.used)
    _tell(unit, program.id, row.total, row.used)
    return view_of(row, program.name)


def claim(unit: UnitOfWork, program_id: str, line_id: str | None = None) -> str | None:
    """Take one of a program's places and return the id of the line that was counted.

    None where nobody has set a capacity: then there is nothing to count. One conditional statement decides, so two who
    want the last place cannot both have it. Raises Refused `capacity_exhausted`.
    """
    del line_id  # one line for each program so far: its id is the program's
    counted = unit.session.execute(
        update(Capacity)
        .where(Capacity.program_id == program_id, Capacity.used < Capacity.total)
        .values(used=Capacity.used + 1, version=Capacity.version + 1, updated_at=unit.now)
        .returning(Capacity.total, Capacity.used),
        execution_options={"synchronize_session": False},
    ).one_or_none()
    if counted is None:
        if unit.session.scalar(select(Capacity.program_id).where(Capacity.program_id == program_id)) is None:
            return None
        raise exhausted()
    _tell(unit, program_id, counted.total, counted.used)
    return program_id


def release(unit: UnitOfWork, line_id: str) -> None:
    """Give one place of a line back. Raises Refused `capacity_not_claimed` where none is taken."""
    counted = unit.session.execute(
        update(Capacity)
        .where(Capacity.program_id == line_id, Capacity.used > 0)
        .values(used=Capacity.used - 1, version=Capacity.version + 1, updated_at=unit.now)
        .returning(Capacity.total, Capacity.used),
        execution_options={"synchronize_session": False},
    ).one_or_none()
    if counted is None:
        raise Refused("capacity_not_claimed", "No place is taken, so none can be given back.")
    _tell(unit, line_id, counted.total, counted.used)


def exhausted() -> Refused:
    """The refusal of a claim when nothing is free."""
    return Refused(
        "capacity_exhausted", "The program has no free capacity; choose another program.", "program_id"
    )


def _program_in_reach(unit: UnitOfWork, program_id: str) -> Resource:
    reach = reach_of(unit.caller).of_capacity(Resource.id)
    if unit.session.scalar(select(Resource.id).where(Resource.id == program_id, reach)) is None:
        raise Refused("not_found", "There is no program with this id.", "program_id")
    return get_program(unit.session, program_id)


def _locked_row(unit: UnitOfWork, program_id: str, request: Any) -> Capacity:
    """The program's row, made first where there is none, and held against claims until the transaction ends."""
    dialect = unit.session.get_bind().dialect.name
    start = {
        "total": request["total"],
        "unit": request["unit"],
        "used": 0,
        "version": 0,
        "updated_at": unit.now,
    }
    own = {"organisation_id": unit.organisation_id, "program_id": program_id}
    make = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(Capacity.__table__)
    unit.session.connection().execute(make.values(**own, **start).on_conflict_do_nothing())
    return unit.session.execute(
        select(Capacity).where(Capacity.program_id == program_id).with_for_update()
    ).scalar_one()


def _tell(unit: UnitOfWork, program_id: str, total: int, used: int) -> None:
    data = {"program_id": program_id, "total": total, "used": used, "free": total - used}
    unit.publish(capacity_changed, program_id, data)
