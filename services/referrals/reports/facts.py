"""Recording where a referral is counted, in the transaction that changes the referral."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from services.chassis.database import Prepared, insert_into
from services.chassis.unit_of_work import UnitOfWork
from services.referrals.calendar.queries import time_zone_of
from services.referrals.calendar.rules import local_day
from services.referrals.models import Referral
from services.referrals.reports.models import ReportCell, ReportDelta, ReportMove, ReportPlace
from services.referrals.reports.rules import day_number, duration_class

_CELLS = Prepared(
    select(ReportCell.id, ReportCell.program_id).where(
        ReportCell.queue_id == bindparam("queue_id"),
        ReportCell.program_id.in_(bindparam("program_ids", expanding=True)),
        ReportCell.status == bindparam("status"),
    )
)
_FLAGS = ("open", "waiting", "urgent")


def count_change(unit: UnitOfWork, referral: Referral, *, is_new: bool = False) -> None:
    """Update the counts for a referral that `is_new` or has just been changed.

    It compares the referral with the place where it was counted before, so it may be called after any change and more than
    once. The transaction has locked the referral, so no other one counts it at the same time.
    """
    session = unit.session
    place = None if is_new else session.get(ReportPlace, referral.id)
    cell_id = _cell_id(session, referral)
    facts = counted_facts(referral, _zone(unit))
    if place is None:
        place = ReportPlace(referral_id=referral.id, cell_id=cell_id, since=referral.status_since, **facts)
        session.add(place)
        session.add(_delta(place, 1))
        return
    before = _delta(place, -1)
    if place.cell_id != cell_id:
        session.add(_move(unit, place, cell_id))
        place.cell_id, place.since = cell_id, unit.now
    for name, value in facts.items():
        setattr(place, name, value)
    session.add_all(_unless_alike(before, _delta(place, 1)))


def counted_facts(referral: Any, zone: str) -> dict[str, Any]:
    """The facts that a place has about a referral (a Referral or a row with its columns): flags, days, and its end."""
    has_ended = referral.is_terminal
    assigned_on = local_day(referral.assigned_at, zone)
    ended_on = local_day(referral.ended_at or referral.updated_at, zone) if has_ended else None
    return {
        "is_waiting": not has_ended and bool(referral.is_waitlisted),
        "is_urgent": not has_ended and referral.priority != "routine",
        "assigned_day": day_number(assigned_on),
        "ended_day": day_number(ended_on) if ended_on else None,
        "ended_by": referral.ended_by if ended_on else None,
        "outcome_code": referral.outcome_code if ended_on else None,
        "reason_code": referral.reason_code if ended_on else None,
    }


def read_ahead(unit: UnitOfWork, queue_id: str, status: str, program_ids: Collection[str]) -> None:
    """Load at once everything that `count_change` needs for new referrals at this status, and create missing cells.

    Call it before the first of them is written and before a place is claimed, so that those locks are held for a short
    time.
    """
    _zone(unit)
    known = _cells(unit.session)
    wanted = {each for each in program_ids if (queue_id, each, status) not in known}
    missing = _find_cells(unit.session, queue_id, status, wanted)
    if missing:
        _make_cells(unit.session, queue_id, status, missing)
        _find_cells(unit.session, queue_id, status, missing)


def places_of(session: Session, referral_ids: Collection[str]) -> list[ReportPlace]:
    """The places of these referrals, in one statement. While the caller keeps them, `count_change` does not query them."""
    return list(session.scalars(select(ReportPlace).where(ReportPlace.referral_id.in_(referral_ids))))


def _cell_id(session: Session, referral: Referral) -> int:
    """The id of the referral's cell, which is created for the first referral there."""
    key = (referral.queue_id, referral.program_id, referral.status)
    if key not in _cells(session) and _find_cells(session, key[0], key[2], {key[1]}):
        _make_cells(session, key[0], key[2], {key[1]})
        _find_cells(session, key[0], key[2], {key[1]})
    return _cells(session)[key]


def _cells(session: Session) -> dict[tuple[str, str, str], int]:
    """The cells that this transaction has read. Cells are never changed or deleted."""
    known: dict[tuple[str, str, str], int] = session.info.setdefault("report_cells", {})
    return known


def _find_cells(session: Session, queue_id: str, status: str, program_ids: Collection[str]) -> set[str]:
    """Remember the cells of a status at these programs. Returns the programs that have none."""
    if not program_ids:
        return set()
    cells = _CELLS.execute(session, queue_id=queue_id, program_ids=sorted(program_ids), status=status).all()
    _cells(session).update({(queue_id, cell.program_id, status): cell.id for cell in cells})
    return set(program_ids) - {cell.program_id for cell in cells}


def _make_cells(session: Session, queue_id: str, status: str, program_ids: Collection[str]) -> None:
    shared = {"organisation_id": session.info["organisation_id"], "queue_id": queue_id, "status": status}
    _insert_cells(session, [{**shared, "program_id": each} for each in sorted(program_ids)])


def _insert_cells(session: Session, own: list[dict[str, str]]) -> None:
    """Create cells that are missing, in a fixed order. Another transaction may create some of them at the same time."""
    connection = session.connection()
    statement = insert_into(connection.dialect.name, ReportCell.__table__).on_conflict_do_nothing()
    connection.execute(statement, own)


def _zone(unit: UnitOfWork) -> str:
    """The organisation's time zone, read once in a transaction."""
    known = unit.session.info
    if "report_zone" not in known:
        known["report_zone"] = time_zone_of(unit.session, unit.organisation_id)
    return str(known["report_zone"])


def cells_of(session: Session, wanted: set[tuple[str, str, str, str]]) -> dict[tuple[str, str, str], int]:
    """The ids of all cells by (queue, program, status), after creating the missing ones of `wanted`.

    `wanted` has tuples of (organisation, queue, program, status).
    """
    statement = select(ReportCell.queue_id, ReportCell.program_id, ReportCell.status, ReportCell.id)
    cells = {(row[0], row[1], row[2]): row[3] for row in session.execute(statement)}
    missing = sorted(each for each in wanted if each[1:] not in cells)
    if not missing:
        return cells
    columns = ("organisation_id", "queue_id", "program_id", "status")
    _insert_cells(session, [dict(zip(columns, each, strict=True)) for each in missing])
    return {(row[0], row[1], row[2]): row[3] for row in session.execute(statement)}


def deltas_of(before: ReportPlace | None, after: ReportPlace | None) -> list[ReportDelta]:
    """The changes of the counts when a referral's place changes (None: it is not counted)."""
    if before is None or after is None:
        return [_delta(place, change) for place, change in ((before, -1), (after, 1)) if place is not None]
    return _unless_alike(_delta(before, -1), _delta(after, 1))


def _unless_alike(before: ReportDelta, after: ReportDelta) -> list[ReportDelta]:
    is_alike = before.cell_id == after.cell_id and not any(
        getattr(before, name) + getattr(after, name) for name in _FLAGS
    )
    return [] if is_alike else [before, after]


def _delta(place: ReportPlace, change: int) -> ReportDelta:
    return ReportDelta(
        cell_id=place.cell_id,
        total=change,
        open=change if place.ended_day is None else 0,
        waiting=change if place.is_waiting else 0,
        urgent=change if place.is_urgent else 0,
    )


def _move(unit: UnitOfWork, place: ReportPlace, cell_id: int) -> ReportMove:
    on = local_day(unit.now, _zone(unit))
    return ReportMove(
        left_cell_id=place.cell_id,
        entered_cell_id=cell_id,
        day=day_number(on),
        duration_class=duration_class((unit.now - place.since).total_seconds()),
    )
