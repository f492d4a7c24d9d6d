"""Commands of offers: ask several programs, take it back."""

from __future__ import annotations

from typing import Any

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals_offers import offer_created, offer_withdrawn
from services.referrals.assignments.opening import Place, active_queue_and_program, open_referral
from services.referrals.assignments.rules import Step
from services.referrals.offers.models import Offer
from services.referrals.offers.queries import get_row, view_of
from services.referrals.offers.rules import OPEN, WITHDRAWN, check_programs, end_of
from services.referrals.offers.taking import close, facts_of, withdraw_all
from services.referrals.reach import reach_of
from services.referrals.records.models import ContactRecord
from services.referrals.records.queries import get_record


def create_offer(unit: UnitOfWork, request: Any) -> dict[str, Any]:
    """Offer a record to several programs: one referral for each, none of which takes a place (R-13, R-30).

    All or nothing: a program that cannot be asked refuses the whole, with its place in `program_ids`. Raises Refused as
    `open_referral`, but for `capacity_exhausted`; `not_found`, `not_a_program`, `invalid_request`.
    """
    reach_of(unit.caller).require_everything()
    check_programs(request["program_ids"])
    record = get_record(unit.session, request["contact_record_id"], lock=True)
    offer = Offer(
        id=wire.new_id(),
        organisation_key=unit.organisation_key,
        contact_record_id=record.id,
        queue_id=request["queue_id"],
        state=OPEN,
        priority=request["priority"],
        created_by=unit.caller.id if unit.caller else "",
        created_at=unit.now,
        expires_at=end_of(request["expires_at"], request["expires_in_hours"], unit.now),
        version=1,
    )
    for place, program_id in enumerate(request["program_ids"]):
        _ask(unit, offer, record, program_id, request["note"], f"program_ids.{place}")
    _tell_created(unit, offer, len(request["program_ids"]))
    return view_of(unit.session, offer.id)


def withdraw_offer(unit: UnitOfWork, request: Any) -> dict[str, Any]:
    """Take an open offer back from every program that has not answered, with a reason.

    Raises Refused `not_found`, `version_required`, `version_conflict`, `offer_closed`.
    """
    reach_of(unit.caller).require_everything()
    offer = get_row(unit.session, request["offer_id"], lock=True)
    unit.require_version(offer)
    if offer.state != OPEN:
        raise Refused("offer_closed", "The offer is over already; read it to see how it ended.", "offer_id")
    close(unit, offer, WITHDRAWN)
    asked = withdraw_all(unit, offer, Step(request["note"], request["reason_code"]))
    unit.audit("offer.withdrawn", "offer", offer.id, reason_code=request["reason_code"], withdrawn=asked)
    unit.publish(offer_withdrawn, offer.id, {**facts_of(unit, offer), "reason_code": request["reason_code"]})
    return view_of(unit.session, offer.id)


def _ask(
    unit: UnitOfWork, offer: Offer, record: ContactRecord, program_id: str, note: str | None, field: str
) -> None:
    try:
        queue, program = active_queue_and_program(unit.session, offer.queue_id, program_id)
        unit.add(offer)  # only now is it known that there is such a queue
        unit.session.flush()
        open_referral(
            unit, record, queue, program, note=note, priority=offer.priority, offer_id=offer.id, place=Place()
        )
    except Refused as refusal:
        if refusal.field in ("program_id", "resource", "contact_record_id"):
            refusal.field = field
        raise


def _tell_created(unit: UnitOfWork, offer: Offer, programs: int) -> None:
    unit.audit("offer.created", "offer", offer.id, queue_id=offer.queue_id, programs=programs)
    ends = {"expires_at": offer.expires_at} if offer.expires_at else {}
    unit.publish(offer_created, offer.id, {**facts_of(unit, offer), "programs": programs, **ends})
