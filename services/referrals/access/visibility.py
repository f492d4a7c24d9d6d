"""Which referrals somebody sees. One place, so that no list, paper or interface shows what another keeps back."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.referrals.access.access_scope import reach_of
from services.referrals.access.rules import SENDER, UNAVAILABLE
from services.referrals.models import Referral


def in_sight(caller: Caller | None) -> ColumnElement[bool]:
    """Condition: the caller sees this referral. Staff sees all; others those in reach that were not taken back (S0-46)."""
    reach = reach_of(caller)
    if reach.everything:
        return reach.of_referrals(Referral.program_id)
    not_taken_back = or_(Referral.ended_by.is_(None), Referral.ended_by != SENDER)
    return and_(reach.of_referrals(Referral.program_id), not_taken_back)


def in_reach(session: Session, caller: Caller | None, referral_id: str, *, lock: bool = False) -> Referral:
    """The row, held until the transaction ends if `lock`: of two changes at once the second meets the first's version.

    Raises Refused `not_found`.
    """
    statement = select(Referral).where(Referral.id == referral_id, in_sight(caller))
    if lock:
        statement = statement.with_for_update(of=Referral)
    referral = session.scalars(statement).one_or_none()
    if referral is None:
        raise absent(caller, "referral_id")
    return referral


def absent(caller: Caller | None, field: str) -> Refused:
    """What is answered where nothing is to be seen; to others than staff the same words whatever the reason is."""
    if reach_of(caller).everything:
        return Refused("not_found", "There is no such referral.", field)
    return Refused("not_found", UNAVAILABLE, field)
