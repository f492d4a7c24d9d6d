"""Which referrals a caller sees. Every list, document and interface asks here, so all of them hide the same."""

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
    """Condition: the caller sees this referral. Staff see all, others those in reach that the sender did not take back (S0-46)."""
    scope = access_scope_of(caller)
    if scope.everything:
        return scope.of_referrals(Referral.program_id)
    not_taken_back = or_(Referral.ended_by.is_(None), Referral.ended_by != SENDER)
    return and_(scope.of_referrals(Referral.program_id), not_taken_back)


def visible_referral(
    session: Session, caller: Caller | None, referral_id: str, *, lock: bool = False
) -> Referral:
    """The row of a referral that the caller sees. Raises Refused `not_found`.

    With `lock` the row is locked until the transaction ends: of two changes at once, the second sees the first's version.
    """
    if access_scope_of(caller).everything:
        statement = _ANY_HELD if lock else _ANY
    else:
        statement = _ANY.where(visible_to(caller))
        statement = statement.with_for_update(of=Referral) if lock else statement
    referral: Referral | None = session.scalars(statement, {"referral_id": referral_id}).one_or_none()
    if referral is None:
        raise not_visible(caller, "referral_id")
    return referral


def not_visible(caller: Caller | None, field: str) -> Refused:
    """The refusal where a caller sees no referral. Callers other than staff get the same words for every reason."""
    if access_scope_of(caller).everything:
        return Refused("not_found", "There is no such referral.", field)
    return Refused("not_found", UNAVAILABLE, field)
