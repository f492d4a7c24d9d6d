"""The history of a capacity line: each change is stored and published."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.referrals.capacity import capacity_changed
from services.referrals.capacity.models import Change, Line
from services.referrals.capacity.readings import status_of
from services.referrals.capacity.rules import CapacityLine, CapacityStatus


class Author(NamedTuple):
    """Who made a change: an account of a realm, or a service. `by_link`: the account used the link of a mail."""

    id: str
    realm: str
    by_link: bool = False


# The author of what time brings.
ITSELF = Author("referrals", "service")


def author_of(unit: UnitOfWork) -> Author:
    """The one who acts now."""
    caller = unit.caller
    if caller is None:
        return Author(unit.actor_id, ITSELF.realm)
    return Author(unit.actor_id, caller.realm or caller.kind, caller.link is not None)


def publish_new_version(
    unit: UnitOfWork,
    line: Line,
    current: CapacityLine | None,
    kind: str,
    at: datetime.datetime,
    *,
    was: CapacityLine | None = None,
    author: Author | None = None,
) -> None:
    """Give the line its next version, store the change and publish it. `was` tells the unit where no term is in effect now."""
    line.version += 1
    line.updated_at, line.organisation_key = unit.now, unit.organisation_key
    publish_change(unit, line, current or _nothing(was), status_of(current, at), kind, at, author)


def publish_change(
    unit: UnitOfWork,
    line: Line,
    shown: CapacityLine,
    status: CapacityStatus,
    kind: str,
    at: datetime.datetime,
    author: Author | None = None,
) -> None:
    """Store a change at the row's version and publish it. Without an `author` it is the one who acts now."""
    author = author or author_of(unit)
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
            actor_realm=author.realm,
            actor_id=author.id,
            by_link=author.by_link,
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
