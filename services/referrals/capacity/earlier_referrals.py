"""Open referrals that were assigned while nothing limited their program: they count as soon as a line limits it."""

from __future__ import annotations

import datetime
from dataclasses import replace

from sqlalchemy import ColumnElement, and_, or_, select, update

from services.chassis.unit_of_work import UnitOfWork
from services.referrals.capacity.models import Line
from services.referrals.capacity.rules import CapacityLine, Mode, window_at
from services.referrals.models import Referral

AT_ONCE = 1_000


def has_no_place() -> ColumnElement[bool]:
    """Condition: an open referral that would hold a place if its program had been limited when it came.

    A referral of the waitlist waits for a place, and one of an offer takes its place when it accepts.
    """
    is_apart = or_(Referral.offer_id.is_(None), Referral.accepted_at.is_not(None))
    return and_(Referral.is_open, ~Referral.holds_capacity, ~Referral.is_waitlisted, is_apart)


def take_in(
    unit: UnitOfWork, line: Line, begins: CapacityLine, at: datetime.datetime, *, beside_others: bool = False
) -> CapacityLine:
    """Let the program's open referrals without a place take places of a line that begins to count at this instant.

    They take them as if the line had been there: the first assigned come first, and no more than the line has. In mode
    "period" all of them hold a place, and those of the running window count. Where another line of the program limits it
    already, they came in spite of that and stay as they are, unless `beside_others`. Returns the line with its count.
    """
    in_effect = select(Line.id).where(
        Line.program_id == line.program_id,
        Line.id != line.id,
        Line.term_id.is_not(None),
        Line.removed_at.is_(None),
    )
    if not beside_others and unit.session.scalars(in_effect.limit(1)).first() is not None:
        return begins
    placeless = (
        select(Referral.id, Referral.assigned_at)
        .where(Referral.program_id == line.program_id, has_no_place())
        .order_by(Referral.assigned_at, Referral.id)
        # The line is locked already. A referral that somebody changes just now is left out rather than waited for.
        .with_for_update(skip_locked=True)
    )
    if begins.mode is Mode.OCCUPANCY:
        placeless = placeless.limit(max(0, begins.total - line.held))
    found = unit.session.execute(placeless).all()
    ids = [referral_id for referral_id, _ in found]
    for start in range(0, len(ids), AT_ONCE):
        taking = update(Referral).where(Referral.id.in_(ids[start : start + AT_ONCE]))
        unit.session.execute(taking.values(holds_capacity=True, capacity_line_id=line.id))
    line.held += len(ids)
    if begins.period is None:
        return replace(begins, used=line.held)
    window = window_at(at, begins.period, begins.time_zone)
    came = sum(assigned_at >= window.starts_at for _, assigned_at in found)
    used = min(begins.total, begins.used + came)
    return replace(begins, used=used, window_started_at=window.starts_at)
