"""The capacity of programs, to be shown beside their demand: line by line, at one moment."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy.orm import Session

from services.referrals.capacity.readings import readings_of_programs, status_of


def lines_of_programs(
    session: Session, program_ids: Collection[str], now: datetime.datetime
) -> dict[str, list[dict[str, Any]]]:
    """The lines of these programs in their order, with numbers, status and note; in two statements."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line, current in readings_of_programs(session, program_ids, now):
        total, used = (current.total, current.used) if current else (0, 0)
        found[line.program_id].append(
            {
                "line_id": line.id,
                "name": line.name,
                "unit": current.unit if current else None,
                "total": total,
                "used": used,
                "free": total - used,
                "capacity_status": status_of(current, now).value,
                "note": (current.note if current else "") or None,
            }
        )
    return found
