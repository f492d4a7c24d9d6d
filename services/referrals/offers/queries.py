"""Queries about offers, for the partner only: a provider sees its own referral, never which other programs were asked."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import and_, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.referrals.access.rules import SENDER
from services.referrals.directory.models import Resource
from services.referrals.models import Referral
from services.referrals.offers.models import Offer
from services.referrals.offers.rules import answer_of
from services.referrals.records.models import ContactRecord

_ORDER = "offers"
_NEWEST = (Offer.created_at, Offer.id)


def get_offer(session: Session, _caller: Caller | None, *, offer_id: str) -> dict[str, Any]:
    """One offer with each program that was asked. Raises Refused `not_found`."""
    return view_of(session, get_row(session, offer_id).id)


def list_offers(
    session: Session,
    _caller: Caller | None,
    *,
    state: str | None,
    contact_record_id: str | None,
    queue_id: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of offers, newest first. Raises Refused `invalid_request`."""
    statement = select(Offer).order_by(*(column.desc() for column in _NEWEST))
    if state is not None:
        statement = statement.where(Offer.state == state)
    if contact_record_id is not None:
        statement = statement.where(Offer.contact_record_id == contact_record_id)
    if queue_id is not None:
        statement = statement.where(Offer.queue_id == queue_id)
    if after is not None:
        at, offer_id = read_cursor(after, _ORDER, datetime.datetime, str)
        place = tuple_(literal(at, Offer.created_at.type), literal(offer_id))
        statement = statement.where(tuple_(*_NEWEST) < place)
    rows = session.scalars(statement.limit(limit + 1)).all()
    page = rows[:limit]
    last = page[-1] if len(rows) > len(page) else None
    return {
        "items": _lines(session, [offer.id for offer in page]),
        "next": cursor_of(_ORDER, last.created_at, last.id) if last else None,
    }


def get_row(session: Session, offer_id: str, *, lock: bool = False) -> Offer:
    """The offer's row, locked until the transaction ends if `lock`. Raises Refused `not_found`."""
    offer = session.get(Offer, offer_id, with_for_update=lock)
    if offer is None:
        raise Refused("not_found", "There is no offer with this id.", "offer_id")
    return offer


def view_of(session: Session, offer_id: str) -> dict[str, Any]:
    """An offer as the contract shows it."""
    session.flush()
    line = _lines(session, [offer_id])[0]
    asked = session.execute(
        select(Referral, Resource.name.label("program_name"))
        .join(Resource, Resource.id == Referral.program_id)
        .where(Referral.offer_id == offer_id)
        .order_by(Resource.search_key, Referral.id)
    )
    return {**line, "programs": [_asked(row, line["accepted_referral_id"]) for row in asked]}


def _lines(session: Session, offer_ids: list[str]) -> list[dict[str, Any]]:
    """Offers as lists show them, newest first, each with its counts, in one statement."""
    is_own = Referral.id == Offer.accepted_referral_id
    was_declined = and_(
        Referral.is_terminal,
        or_(Referral.ended_by.is_(None), Referral.ended_by != SENDER),
        or_(Offer.accepted_referral_id.is_(None), ~is_own),
    )
    is_waiting = and_(Referral.is_open, Offer.accepted_referral_id.is_(None))
    statement = (
        select(
            Offer,
            ContactRecord.number,
            func.count(Referral.id).label("asked"),
            func.count(Referral.id).filter(is_waiting).label("waiting"),
            func.count(Referral.id).filter(was_declined).label("declined"),
        )
        .join(ContactRecord, ContactRecord.id == Offer.contact_record_id)
        .join(Referral, Referral.offer_id == Offer.id)
        .where(Offer.id.in_(offer_ids))
        .group_by(Offer.id, ContactRecord.number)
        .order_by(*(column.desc() for column in _NEWEST))
    )
    return [
        {
            **{column.key: getattr(row.Offer, column.key) for column in Offer.__table__.columns},
            "contact_record_number": row.number,
            "asked": row.asked,
            "waiting": row.waiting,
            "declined": row.declined,
        }
        for row in session.execute(statement)
    ]


def _asked(row: Any, accepted_referral_id: str | None) -> dict[str, Any]:
    referral = row.Referral
    is_accepted = referral.id == accepted_referral_id
    return {
        "referral_id": referral.id,
        "program_id": referral.program_id,
        "program_name": row.program_name,
        "answer": answer_of(
            is_accepted=is_accepted,
            is_ended=referral.is_terminal,
            is_taken_back=referral.ended_by == SENDER,
        ),
        "answered_at": referral.accepted_at if is_accepted else referral.ended_at,
        "status_key": referral.status,
        "reason_code": referral.reason_code,
    }
