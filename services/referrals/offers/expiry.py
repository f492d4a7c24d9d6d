"""Offers that no program has accepted in time end by themselves."""

from __future__ import annotations

import datetime

from sqlalchemy import ColumnElement, and_, select

from services.chassis.passports import Caller
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.referrals.offers import offer_expired
from services.referrals.assignments.rules import Step
from services.referrals.offers.answers import close, offer_facts, withdraw_all
from services.referrals.offers.models import Offer
from services.referrals.offers.rules import EXPIRED, OFFER_EXPIRED, OPEN

EVERY_S = 15.0
MOST_AT_ONCE = 100


def expire(runtime: Runtime) -> bool:
    """End the offers whose time is over, each in its own transaction. Returns False when more may be due."""
    with runtime.database.reading(None) as session:
        due = session.execute(
            select(Offer.id, Offer.organisation_id, Offer.organisation_key)
            .where(_is_due(utc_now()))
            .order_by(Offer.expires_at)
            .limit(MOST_AT_ONCE)
        ).all()
    for offer_id, *organisation in due:
        _expire_one(runtime, itself(runtime, *organisation), offer_id)
    return len(due) < MOST_AT_ONCE


def _is_due(now: datetime.datetime) -> ColumnElement[bool]:
    return and_(Offer.state == OPEN, Offer.expires_at.is_not(None), Offer.expires_at <= now)


def _expire_one(runtime: Runtime, service: Caller, offer_id: str) -> None:
    def work(unit: UnitOfWork) -> None:
        due = select(Offer).where(Offer.id == offer_id, _is_due(utc_now()))
        offer = unit.session.scalars(due.with_for_update(of=Offer, skip_locked=True)).one_or_none()
        if offer is None:
            return  # a program is accepting it at this moment, or another process has ended it
        close(unit, offer, EXPIRED)
        asked = withdraw_all(unit, offer, Step(reason_code=OFFER_EXPIRED))
        unit.audit("offer.expired", "offer", offer.id, withdrawn=asked)
        unit.publish(offer_expired, offer.id, offer_facts(unit, offer))

    transact_as(runtime, service, work)
