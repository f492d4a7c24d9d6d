"""Capacity as the `service_capacity` objects of HSDS 3.1 (Open Referral)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.unit_of_work import utc_now
from services.referrals.capacity.models import Line
from services.referrals.capacity.readings import readings_of_programs, status_of
from services.referrals.capacity.rules import CapacityLine


def hsds_capacity_of(session: Session, program_ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The `service_capacity` objects of each of these programs, in the order of its lines, in two statements.

    Each has the members that HSDS requires (`id`, `service_id`, `unit`, `available`, `updated`) and, where known,
    `maximum` and `description`. A line whose status is unknown is left out: a stale number is worse than none.
    `updated` is a date and time in UTC.
    """
    now = utc_now()
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line, current in readings_of_programs(session, list(program_ids), now):
        if current is not None and status_of(current, now) != "unknown":
            found[line.program_id].append(_service_capacity(line, current))
    return dict(found)


def _service_capacity(line: Line, current: CapacityLine) -> dict[str, Any]:
    told = [line.name, line.target_population, current.note or None]
    return {
        "id": line.id,
        "service_id": line.program_id,
        "unit": {"id": f"{line.id}-unit", "name": current.unit},
        "available": current.free,
        "maximum": current.total,
        "description": ". ".join(each.rstrip(".") for each in told if each) or None,
        "updated": line.updated_at.isoformat(),
    }
