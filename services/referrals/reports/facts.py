"""Writing down where a referral is counted, in the transaction that changes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import UnitOfWork
from services.referrals.assignments.models import Referral
from services.referrals.reports.models import ReportCell, ReportDelta, ReportMove, ReportPlace
from services.referrals.reports.rules import day_number, duration_class, local_day, month_number
from services.referrals.reports.settings import time_zone_of

_FLAGS = ("open", "waiting", "urgent")


def note_change(unit: UnitOfWork, referral: Referral) -> None:
    """Bring the counts up to date with a referral that is new or was changed just now.

    It compares with where the referral was counted before, so it may follow any change, and more than once. The changed
    referral is held by the transaction, so nobody else notes it at the same time.
    """
    session = unit.session
    place = session.get(ReportPlace, referral.id)
    cell_id = cell_id_of(session, referral, referral.status)
    facts = facts_of(referral, time_zone_of(session, unit.organisation_id))
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
    after = _delta(place, 1)
    if (
        any(getattr(before, name) + getattr(after, name) for name in _FLAGS)
        or before.cell_id != after.cell_id
    ):
        session.add_all((before, after))


def facts_of(referral: Any, zone: str) -> dict[str, Any]:
    """What a place says about a referral (a Referral or a row with its columns) beside its cell: flags, days, its end."""
    has_ended = referral.is_terminal
    assigned_on = local_day(referral.assigned_at, zone)
    ended_on = local_day(referral.ended_at or referral.updated_at, zone) if has_ended else None
    return {
        "is_waiting": not has_ended and bool(referral.is_waitlisted),
        "is_urgent": not has_ended and referral.priority != "routine",
        "assigned_day": day_number(assigned_on),
        "assigned_month": month_number(assigned_on),
        "ended_day": day_number(ended_on) if ended_on else None,
        "ended_month": month_number(ended_on) if ended_on else None,
        "ended_by": referral.ended_by if ended_on else None,
        "outcome_code": referral.outcome_code if ended_on else None,
        "reason_code": referral.reason_code if ended_on else None,
    }


def cell_id_of(session: Session, referral: Any, status: str) -> int:
    """The number of the cell of a status at the referral's program, made where this is the first referral there."""
    wanted = select(ReportCell.id).where(
        ReportCell.queue_id == referral.queue_id,
        ReportCell.program_id == referral.program_id,
        ReportCell.status == status,
    )
    found = session.scalar(wanted)
    if found is not None:
        return found
    connection = session.connection()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    own = {
        "organisation_id": referral.organisation_id or session.info["organisation_id"],
        "queue_id": referral.queue_id,
        "program_id": referral.program_id,
        "status": status,
    }
    # Somebody else may make it at the same time: then it is there once this statement has waited for him.
    connection.execute(dialect.insert(ReportCell.__table__).values(own).on_conflict_do_nothing())
    return session.scalars(wanted).one()


def _delta(place: ReportPlace, change: int) -> ReportDelta:
    return ReportDelta(
        cell_id=place.cell_id,
        total=change,
        open=change if place.ended_day is None else 0,
        waiting=change if place.is_waiting else 0,
        urgent=change if place.is_urgent else 0,
    )


def _move(unit: UnitOfWork, place: ReportPlace, cell_id: int) -> ReportMove:
    on = local_day(unit.now, time_zone_of(unit.session, unit.organisation_id))
    return ReportMove(
        left_cell_id=place.cell_id,
        entered_cell_id=cell_id,
        day=day_number(on),
        month=month_number(on),
        duration_class=duration_class((unit.now - place.since).total_seconds()),
    )
