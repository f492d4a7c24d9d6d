"""The history of a capacity line: each change is stored and published."""

from __future__ import annotations

import datetime

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.referrals.capacity import capacity_changed
from services.referrals.capacity.models import Change, Line
from services.referrals.capacity.readings import status_of
from services.referrals.capacity.rules import CapacityLine, CapacityStatus


def publish_new_version(
    unit: UnitOfWork,
    line: Line,
    current: CapacityLine | None,
    kind: str,
    at: datetime.datetime,
    *,
    was: CapacityLine | None = None,
) -> None:
    """Give the line its next version, store the change and publish it. `was` tells the unit where no term is in effect now."""
    line.version += 1
    line.updated_at, line.organisation_key = unit.now, unit.organisation_key
    publish_change(unit, line, current or _nothing(was), status_of(current, at), kind, at)


def publish_change(
    unit: UnitOfWork,
    line: Line,
    shown: CapacityLine,
    status: CapacityStatus,
    kind: str,
    at: datetime.datetime,
) -> None:
    """Store a change at the row's version and publish it."""
    unit.add(
        Change(
            id=wire.new_id(),
            line_id=line.id,
            program_id=line.program_id,
            position=line.version,
            at=at,
            kind=kind,
            term_id=shown.id or None,
            total=shown.total,
            planned_total=line.planned_total,
            used=shown.used,
            unit=shown.unit,
            mode=shown.mode.value,
            period=shown.period.value if shown.period else None,
            time_zone=shown.time_zone,
            note=shown.note or None,
            valid_until=shown.valid_until,
            has_waitlist=shown.has_waitlist,
            needs_assessment=shown.needs_assessment,
            status=status.value,
            actor_realm=(unit.caller.realm or unit.caller.kind) if unit.caller else "service",
            actor_id=unit.actor_id,
        )
    )
    unit.publish(
        capacity_changed,
        line.program_id,
        {
            "program_id": line.program_id,
            "total": shown.total,
            "used": shown.used,
            "free": shown.free,
            "line_id": line.id,
            "status": status.value,
        },
    )


def _nothing(was: CapacityLine | None) -> CapacityLine:
    return CapacityLine(0, was.unit if was else "referrals")
