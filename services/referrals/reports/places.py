"""The capacity of programs as it stands beside demand: line by line, at one moment."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.referrals.capacity.models import Line
from services.referrals.capacity.settling import open_terms, reading_at, status_of


def lines_of_programs(
    session: Session, program_ids: Collection[str], now: datetime.datetime
) -> dict[str, list[dict[str, Any]]]:
    """The lines of these programs in their order, with numbers, status and note; in two statements."""
    statement = (
        select(Line)
        .where(Line.program_id.in_(program_ids), Line.removed_at.is_(None))
        .order_by(Line.program_id, Line.position, Line.id)
    )
    lines = session.scalars(statement).all()
    terms = open_terms(session, [line.id for line in lines])
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        current = reading_at(line, terms[line.id], now)
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
