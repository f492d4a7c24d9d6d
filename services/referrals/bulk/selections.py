"""Which records or referrals a job is about: named by id, or found by a selection when it starts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.referrals.assignments import FILTERS
from services.referrals.assignments.listing import narrowed
from services.referrals.bulk.rules import MOST_LINES, check_narrowed, check_one_of, check_size
from services.referrals.models import Referral
from services.referrals.records.models import ContactRecord
from services.referrals.records.queries import wanted


def record_ids(session: Session, request: Any) -> list[str]:
    """Records of an assignment, the longest waiting first. Raises Refused `invalid_request`, `selection_too_large`."""
    check_one_of(request, "contact_record_ids", "records")
    selection = request["records"]
    if selection is None:
        return list(dict.fromkeys(request["contact_record_ids"]))
    check_narrowed(selection, "records")
    statement = select(ContactRecord.id).where(*wanted({"number": None, **selection}))
    if selection["has_open_referral"] is not None:
        is_open = exists().where(Referral.contact_record_id == ContactRecord.id, Referral.is_open)
        statement = statement.where(is_open if selection["has_open_referral"] else ~is_open)
    return _found(session, statement.order_by(ContactRecord.submitted_at, ContactRecord.id))


def referral_ids(session: Session, request: Any) -> list[str]:
    """Referrals of a change of status, the oldest first. Raises Refused `invalid_request`, `selection_too_large`."""
    check_one_of(request, "referral_ids", "referrals")
    if request["referrals"] is None:
        return list(dict.fromkeys(request["referral_ids"]))
    asked = {**dict.fromkeys(FILTERS), **request["referrals"]}
    statement = select(Referral.id).where(*narrowed(session, asked, utc_now()))
    return _found(session, statement.order_by(Referral.assigned_at, Referral.id))


def open_referral_ids(session: Session, request: Any) -> list[str]:
    """Open referrals of a program or an agency, the oldest first. Raises Refused `invalid_request`, `selection_too_large`."""
    check_one_of(request, "from_program_id", "from_agency_id")
    asked = {
        **dict.fromkeys(FILTERS),
        "program_id": request["from_program_id"],
        "agency_id": request["from_agency_id"],
        "queue_id": request["queue_id"],
        "is_open": True,
    }
    if request["from_program_id"] == request["to_program_id"] and request["to_queue_id"] is None:
        raise Refused("invalid_request", "They are there already; choose another program.", "to_program_id")
    statement = select(Referral.id).where(*narrowed(session, asked, utc_now()))
    return _found(session, statement.order_by(Referral.assigned_at, Referral.id))


def _found(session: Session, statement: Any) -> list[str]:
    ids = list(session.scalars(statement.limit(MOST_LINES + 1)))
    check_size(len(ids))
    return ids
