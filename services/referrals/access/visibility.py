"""Which referrals somebody sees. One place, so that no list, paper or interface shows what another keeps back."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from services.chassis.database import built_once
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.referrals.access.access_scope import access_scope_of
from services.referrals.access.rules import SENDER, UNAVAILABLE
from services.referrals.models import Referral

_ANY = built_once(select(Referral).where(Referral.id == bindparam("referral_id")))
_ANY_HELD = _ANY.with_for_update(of=Referral)


def visible_to(caller: Caller | None) -> ColumnElement[bool]:
    """Condition: the caller sees this referral. Staff sees all; others those in reach that were not taken back (S0-46)."""
    scope = access_scope_of(caller)
    if scope.everything:
        return scope.of_referrals(Referral.program_id)
    not_taken_back = or_(Referral.ended_by.is_(None), Referral.ended_by != SENDER)
    return and_(scope.of_referrals(Referral.program_id), not_taken_back)


def visible_referral(
    session: Session, caller: Caller | None, referral_id: str, *, lock: bool = False
) -> Referral:
    """The row, held until the transaction ends if `lock`: of two changes at once the second meets the first's version.

    Raises Refused `not_found`.
    """
    if access_scope_of(caller).everything:
        statement = _ANY_HELD if lock else _ANY
    else:
        statement = _ANY.where(visible_to(caller))
        statement = statement.with_for_update(of=Referral) if lock else statement
    referral = session.scalars(statement, {"referral_id": referral_id}).one_or_none()
    if referral is None:
        raise not_visible(caller, "referral_id")
    return referral


def not_visible(caller: Caller | None, field: str) -> Refused:
    """What is answered where nothing is to be seen; to others than staff the same words whatever the reason is."""
    if access_scope_of(caller).everything:
        return Refused("not_found", "There is no such referral.", field)
    return Refused("not_found", UNAVAILABLE, field)
