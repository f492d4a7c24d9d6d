"""Selections: the records or referrals of a job, named by id or selected when it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.referrals.assignments.listing import Filters, narrowed
from services.referrals.bulk.rules import MOST_LINES, check_narrowed, check_one_of, check_size
from services.referrals.models import Referral
from services.referrals.queues.models import Queue
from services.referrals.records.models import ContactRecord
from services.referrals.records.queries import wanted


def record_ids(
    session: Session, contact_record_ids: list[str] | None, records: Mapping[str, Any] | None
) -> list[str]:
    """Records of an assignment, the longest waiting first. Raises Refused `invalid_request`, `selection_too_large`.

    `records` has the members of the contract's Selection.
    """
    check_one_of(contact_record_ids=contact_record_ids, records=records)
    if records is None:
        return list(dict.fromkeys(contact_record_ids or ()))
    check_narrowed(records, "records")
    conditions = wanted(
        session,
        postal_code=records["postal_code"],
        submitted_from=records["submitted_from"],
        submitted_before=records["submitted_before"],
    )
    statement = select(ContactRecord.id).where(*conditions)
    if records["has_open_referral"] is not None:
        is_open = exists().where(Referral.contact_record_id == ContactRecord.id, Referral.is_open)
        statement = statement.where(is_open if records["has_open_referral"] else ~is_open)
    return _found(session, statement.order_by(ContactRecord.submitted_at, ContactRecord.id))


def referral_ids(session: Session, ids: list[str] | None, referrals: Mapping[str, Any] | None) -> list[str]:
    """Referrals of a change of status, the oldest first. Raises Refused `invalid_request`, `selection_too_large`.

    `referrals` has the members of the contract's ReferralSelection.
    """
    check_one_of(referral_ids=ids, referrals=referrals)
    if referrals is None:
        return list(dict.fromkeys(ids or ()))
    return _oldest_first(session, Filters(**referrals))


def queues_of(session: Session, referral_ids: Sequence[str]) -> list[Queue]:
    """The ReferralQs of these referrals, by name."""
    found = select(Referral.queue_id).where(Referral.id.in_(referral_ids))
    return list(session.scalars(select(Queue).where(Queue.id.in_(found)).order_by(Queue.name, Queue.id)))


def open_referral_ids(
    session: Session,
    *,
    from_program_id: str | None,
    from_agency_id: str | None,
    queue_id: str | None,
    to_program_id: str,
    to_queue_id: str | None,
) -> list[str]:
    """Open referrals of a program or an agency, the oldest first. Raises Refused `invalid_request`, `selection_too_large`."""
    check_one_of(from_program_id=from_program_id, from_agency_id=from_agency_id)
    if from_program_id == to_program_id and to_queue_id is None:
        raise Refused("invalid_request", "They are there already; choose another program.", "to_program_id")
    filters = Filters(program_id=from_program_id, agency_id=from_agency_id, queue_id=queue_id, is_open=True)
    return _oldest_first(session, filters)


def _oldest_first(session: Session, filters: Filters) -> list[str]:
    statement = select(Referral.id).where(*narrowed(session, filters, utc_now()))
    return _found(session, statement.order_by(Referral.assigned_at, Referral.id))


def _found(session: Session, statement: Select[str]) -> list[str]:
    ids = list(session.scalars(statement.limit(MOST_LINES + 1)))
    check_size(len(ids))
    return ids
