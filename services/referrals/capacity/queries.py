"""Questions about capacity."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.referrals.capacity.models import Capacity
from services.referrals.directory.models import Resource
from services.referrals.reach import reach_of


def get_capacity(session: Session, caller: Caller | None, request: Any) -> dict[str, Any]:
    """A program's capacity. Raises Refused `not_found` where it is out of reach or nobody has set one."""
    row = session.execute(
        _capacities(caller).where(Capacity.program_id == request["program_id"])
    ).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no capacity for a program with this id.", "program_id")
    return view_of(*row)


def list_capacities(session: Session, caller: Caller | None, _request: Any) -> dict[str, Any]:
    """The capacities in reach, by program name (S0-38, S0-52)."""
    rows = session.execute(_capacities(caller).order_by(Resource.search_key, Resource.id))
    return {"items": [view_of(*row) for row in rows]}


def is_exhausted(session: Session, program_id: str, line_id: str | None = None) -> bool:
    """Whether a capacity is set and nothing of it is free. A glance only: the claim itself decides."""
    del line_id  # one line for each program so far
    full = select(Capacity.program_id).where(
        Capacity.program_id == program_id, Capacity.used >= Capacity.total
    )
    return session.scalar(full) is not None


def view_of(row: Capacity, program_name: str) -> dict[str, Any]:
    """A capacity as the contract shows it."""
    return {
        "program_id": row.program_id,
        "program_name": program_name,
        "version": row.version,
        "total": row.total,
        "used": row.used,
        "free": row.free,
        "unit": row.unit,
        "note": row.note,
        "updated_at": row.updated_at,
    }


def _capacities(caller: Caller | None) -> Any:
    return (
        select(Capacity, Resource.name)
        .join(Resource, Resource.id == Capacity.program_id)
        .where(reach_of(caller).of_capacity(Capacity.program_id))
    )
