"""Commands of offers: ask several programs, withdraw the offer."""

from __future__ import annotations

import datetime
from typing import Any

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals.offers import offer_created, offer_withdrawn
from services.referrals.assignments.new_referrals import ask_programs
from services.referrals.assignments.rules import Step
from services.referrals.assignments.standings import Standing, as_standing, check_may_open, program_standings
from services.referrals.directory.models import Resource
from services.referrals.offers.answers import close, offer_facts, withdraw_all
from services.referrals.offers.models import Offer
from services.referrals.offers.queries import get_row, view_of
from services.referrals.offers.rules import OPEN, WITHDRAWN, check_programs, end_of
from services.referrals.queues.models import Queue
from services.referrals.queues.queries import held_queue
from services.referrals.records.queries import get_record


def create_offer(
    unit: UnitOfWork,
    *,
    program_ids: list[str],
    contact_record_id: str,
    queue_id: str,
    priority: str,
    expires_at: datetime.datetime | None,
    expires_in_hours: int | None,
    note: str | None,
) -> dict[str, Any]:
    """Offer a record to several programs: one referral for each, none of which takes a place (R-13, R-30).

    All or nothing: one program that cannot be asked refuses the whole, and the refusal names its position in
    `program_ids`. Raises Refused as `open_referral` does, except `capacity_exhausted`; also `not_found`,
    `not_a_program`, `invalid_request`.
    """
    check_programs(program_ids)
    record = get_record(unit.session, contact_record_id, lock=True)
    queue = held_queue(unit.session, queue_id)
    found = program_standings(unit.session, program_ids, queue.id, record.id)
    programs = [
        _may_be_asked(unit, queue, found.get(program_id), f"program_ids.{position}")
        for position, program_id in enumerate(program_ids)
    ]
    offer = Offer(
        id=wire.new_id(),
        organisation_key=unit.organisation_key,
        contact_record_id=record.id,
        queue_id=queue.id,
        state=OPEN,
        priority=priority,
        created_by=unit.actor_id,
        created_at=unit.now,
        expires_at=end_of(expires_at, expires_in_hours, unit.now),
        version=1,
    )
    unit.add(offer)
    ask_programs(unit, record, queue, programs, note=note, priority=offer.priority, offer_id=offer.id)
    _tell_created(unit, offer, len(programs))
    return view_of(unit.session, offer.id)


def withdraw_offer(unit: UnitOfWork, *, offer_id: str, note: str | None, reason_code: str) -> dict[str, Any]:
    """Withdraw an open offer from every program that has not answered, with a reason.

    Raises Refused `not_found`, `version_required`, `version_conflict`, `offer_closed`.
    """
    offer = get_row(unit.session, offer_id, lock=True)
    unit.require_version(offer)
    if offer.state != OPEN:
        raise Refused("offer_closed", "The offer is over already; read it to see how it ended.", "offer_id")
    close(unit, offer, WITHDRAWN)
    asked = withdraw_all(unit, offer, Step(note, reason_code))
    unit.audit("offer.withdrawn", "offer", offer.id, reason_code=reason_code, withdrawn=asked)
    unit.publish(offer_withdrawn, offer.id, {**offer_facts(unit, offer), "reason_code": reason_code})
    return view_of(unit.session, offer.id)


def _may_be_asked(unit: UnitOfWork, queue: Queue, found: Standing | None, field: str) -> Resource:
    """The program, if a referral to it may be opened. A refusal names the program's position in the request."""
    try:
        standing = as_standing(unit.session, found)
        check_may_open(queue, standing)
    except Refused as refusal:
        if refusal.field in ("program_id", "resource", "contact_record_id"):
            refusal.field = field
        raise
    return standing.program


def _tell_created(unit: UnitOfWork, offer: Offer, programs: int) -> None:
    unit.audit("offer.created", "offer", offer.id, queue_id=offer.queue_id, programs=programs)
    ends = {"expires_at": offer.expires_at} if offer.expires_at else {}
    unit.publish(offer_created, offer.id, {**offer_facts(unit, offer), "programs": programs, **ends})
