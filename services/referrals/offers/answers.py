"""What a step of one referral does to its offer.

Every transaction that changes a referral of an offer locks the offer's row first, then the referral. So simultaneous
acceptances take turns, and the statement that accepts the offer finds it open exactly once.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from services.chassis.database import built_once
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals.offers import offer_accepted, offer_exhausted
from services.referrals.access.visibility import visible_referral
from services.referrals.assignments.rules import Step
from services.referrals.assignments.withdrawals import read_ahead_of_all, withdraw
from services.referrals.capacity.handlers import exhausted
from services.referrals.capacity.queries import is_exhausted
from services.referrals.models import Referral
from services.referrals.offers.models import Offer
from services.referrals.offers.rules import (
    ACCEPTED,
    ACCEPTED_ELSEWHERE,
    EXHAUSTED,
    OPEN,
    Part,
    may_open_again,
    takes,
)
from services.referrals.queues.rules import Status
from services.referrals.records.models import ContactRecord

_OFFER_HELD = built_once(
    select(Offer)
    .join(Referral, Referral.offer_id == Offer.id)
    .where(Referral.id == bindparam("referral_id"))
    .with_for_update(of=Offer)
    .execution_options(populate_existing=True)
)


def hold_offer_of(session: Session, referral_id: str) -> Offer | None:
    """The offer to which a referral belongs, locked until the transaction ends. Call it before locking the referral."""
    return session.scalars(_OFFER_HELD, {"referral_id": referral_id}).one_or_none()


def held_referral(session: Session, caller: Caller | None, referral_id: str) -> Referral:
    """A referral that the caller sees, locked to be changed. Raises Refused `not_found`."""
    hold_offer_of(session, referral_id)
    return visible_referral(session, caller, referral_id, lock=True)


def is_on_offer(session: Session, referral: Referral) -> bool:
    """Whether this open referral is one of several that an open offer asks."""
    return referral.offer_id is not None and session.get_one(Offer, referral.offer_id).state == OPEN


def answer_offer(unit: UnitOfWork, referral: Referral, target: Status) -> Part:
    """Tell the referral's offer of the step to this status. An acceptance withdraws the other referrals of the offer.

    Returns what the step is for the offer. Raises Refused `offer_closed`, and `capacity_exhausted` before any change.
    """
    if referral.offer_id is None:
        return Part.NONE
    offer = unit.session.get_one(Offer, referral.offer_id)
    reopens = referral.is_terminal and not target.is_terminal
    if offer.state != OPEN:
        if not reopens or offer.accepted_referral_id == referral.id:
            return Part.NONE  # a referral whose offer is over is an ordinary referral
        _open_again(unit, offer)
    if not takes(target):
        return Part.ASKED
    _take(unit, offer, referral, needs_place=not target.is_terminal)
    return Part.TAKES


def close_when_exhausted(unit: UnitOfWork, referral: Referral) -> None:
    """Close the offer if this referral has ended and no other one of the offer is open."""
    if not referral.is_terminal or not is_on_offer(unit.session, referral):
        return
    waiting = select(Referral.id).where(Referral.offer_id == referral.offer_id, Referral.is_open)
    if unit.session.scalars(waiting.limit(1)).first() is not None:
        return
    offer = unit.session.get_one(Offer, referral.offer_id)
    close(unit, offer, EXHAUSTED)
    unit.audit("offer.exhausted", "offer", offer.id)
    unit.publish(offer_exhausted, offer.id, offer_facts(unit, offer))


def close(unit: UnitOfWork, offer: Offer, state: str) -> None:
    """End a locked offer."""
    offer.state, offer.closed_at = state, unit.now
    offer.version += 1


def withdraw_all(unit: UnitOfWork, offer: Offer, step: Step, but: Collection[str] = ()) -> int:
    """Withdraw every open referral of a locked offer except `but`, and return their number."""
    statement = (
        select(Referral)
        .where(Referral.offer_id == offer.id, Referral.is_open, Referral.id.not_in(but))
        .order_by(Referral.id)
        .with_for_update(of=Referral)
    )
    referrals = unit.session.scalars(statement).all()
    _kept_loaded = read_ahead_of_all(unit, referrals)  # the session forgets rows that nothing refers to
    for referral in referrals:
        withdraw(unit, referral, step)
    return len(referrals)


def offer_facts(unit: UnitOfWork, offer: Offer) -> dict[str, Any]:
    """The members that every event of an offer has."""
    return {
        "offer_id": offer.id,
        "contact_record_id": offer.contact_record_id,
        "contact_record_number": unit.session.get_one(ContactRecord, offer.contact_record_id).number,
        "queue_id": offer.queue_id,
    }


def _take(unit: UnitOfWork, offer: Offer, referral: Referral, *, needs_place: bool) -> None:
    if needs_place and is_exhausted(unit.session, referral.program_id):
        raise exhausted()  # an early check, before the other referrals are withdrawn; the claim decides
    first = (
        update(Offer)
        .where(
            Offer.id == offer.id,
            Offer.state == OPEN,
            or_(Offer.expires_at.is_(None), Offer.expires_at > unit.now),
        )
        .values(
            state=ACCEPTED,
            accepted_referral_id=referral.id,
            closed_at=unit.now,
            version=Offer.version + 1,
        )
        .returning(Offer.id)
    )
    if unit.session.scalars(first, execution_options={"synchronize_session": False}).one_or_none() is None:
        raise _closed()
    unit.session.refresh(offer)
    others = withdraw_all(unit, offer, Step(reason_code=ACCEPTED_ELSEWHERE), but=[referral.id])
    unit.audit("offer.accepted", "offer", offer.id, referral_id=referral.id, withdrawn=others)
    told = {"referral_id": referral.id, "program_id": referral.program_id, "withdrawn": others}
    unit.publish(offer_accepted, offer.id, {**offer_facts(unit, offer), **told})


def _open_again(unit: UnitOfWork, offer: Offer) -> None:
    if not may_open_again(offer.state, offer.expires_at, unit.now):
        raise _closed()
    offer.state, offer.closed_at = OPEN, None
    offer.version += 1
    unit.audit("offer.reopened", "offer", offer.id)


def _closed() -> Refused:
    return Refused("offer_closed", "The offer is over; assign the record anew.", "referral_id")
