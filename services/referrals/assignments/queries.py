"""Questions about referrals. Lists are limited views; only one referral at a time is shown with the whole record."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, literal, select, tuple_
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.referrals.assignments.models import Referral, StatusChange
from services.referrals.assignments.rules import cursor_of, read_cursor
from services.referrals.directory.models import Resource
from services.referrals.queues.models import Queue, QueueStatus
from services.referrals.reach import may_see_details, reach_of
from services.referrals.records.models import ContactRecord
from services.referrals.records.queries import view_of as record_view
from services.referrals.records.rules import contact_name, find_contact_record_number, limited_view


def list_referrals(session: Session, caller: Caller | None, request: Any) -> dict[str, Any]:
    """A page of the referrals in reach, newest first, optionally those of one contact record number (S0-14, S0-45).

    A number that is not in reach gives an empty page, whether or not it exists. Raises Refused `invalid_request`.
    """
    statement = (
        _limited().where(reach_of(caller).of_referrals(Referral.program_id)).order_by(*_newest_first())
    )
    if request["number"] is not None:
        number = find_contact_record_number(request["number"])
        if number is None:
            return {"items": [], "next": None}
        statement = statement.where(ContactRecord.number == number)
    if request["after"] is not None:
        assigned_at, referral_id = read_cursor(request["after"])
        place = tuple_(literal(assigned_at, Referral.assigned_at.type), literal(referral_id))
        statement = statement.where(tuple_(Referral.assigned_at, Referral.id) < place)
    rows = session.execute(statement.limit(request["limit"] + 1)).all()
    page = rows[: request["limit"]]
    has_more = len(rows) > len(page)
    last = page[-1].Referral if has_more else None
    return {
        "items": [_view(row) for row in page],
        "next": cursor_of(last.assigned_at, last.id) if last else None,
    }


def get_referral(session: Session, caller: Caller | None, request: Any) -> dict[str, Any]:
    """One referral in reach, with the whole contact record where the caller may see it (S0-24, S0-25).

    Raises Refused `not_found`. The caller of this function audits it if `details` are in the answer.
    """
    view = _view(_in_reach(session, caller, request["referral_id"], _limited()))
    if may_see_details(caller):
        record = session.scalars(
            select(ContactRecord)
            .join(Referral, Referral.contact_record_id == ContactRecord.id)
            .where(Referral.id == view["id"])
        ).one()
        view["details"] = record_view(record)
    return view


def list_referral_history(session: Session, caller: Caller | None, request: Any) -> dict[str, Any]:
    """Every status a referral in reach has had, oldest first. Raises Refused `not_found`."""
    _in_reach(session, caller, request["referral_id"], select(Referral))
    changes = session.scalars(
        select(StatusChange)
        .where(StatusChange.referral_id == request["referral_id"])
        .order_by(StatusChange.position)
    )
    return {
        "items": [
            {
                "at": change.at,
                "from_status": change.from_label,
                "to_status": change.to_label,
                "note": change.note,
                "actor_id": change.actor_id,
            }
            for change in changes
        ]
    }


def limited_referral(session: Session, referral_id: str) -> dict[str, Any]:
    """The limited view of a referral that the caller was found to reach."""
    session.flush()
    return _view(session.execute(_limited().where(Referral.id == referral_id)).one())


def _in_reach(session: Session, caller: Caller | None, referral_id: str, statement: Any) -> Any:
    reach = reach_of(caller).of_referrals(Referral.program_id)
    row = session.execute(statement.where(Referral.id == referral_id, reach)).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no referral with this id.", "referral_id")
    return row


def _limited() -> Any:
    return (
        select(
            Referral,
            Queue.name.label("queue_name"),
            Resource.name.label("program_name"),
            QueueStatus.label.label("status_label"),
            ContactRecord.number,
            ContactRecord.first_name,
            ContactRecord.last_name,
            ContactRecord.submitted_at,
            ContactRecord.postal_code,
        )
        .join(Queue, Queue.id == Referral.queue_id)
        .join(Resource, Resource.id == Referral.program_id)
        .join(
            QueueStatus, and_(QueueStatus.queue_id == Referral.queue_id, QueueStatus.key == Referral.status)
        )
        .join(ContactRecord, ContactRecord.id == Referral.contact_record_id)
    )


def _newest_first() -> tuple[Any, Any]:
    return Referral.assigned_at.desc(), Referral.id.desc()


def _view(row: Any) -> dict[str, Any]:
    full = {
        "referralq_name": row.queue_name,
        "assigned_resource": row.program_name,
        "contact_record_number": row.number,
        "status": row.status_label,
        "note": row.Referral.note,
        "contact_name": contact_name(row.first_name, row.last_name),
        "contact_date": row.submitted_at,
        "postal_code": row.postal_code,
    }
    return {
        "id": row.Referral.id,
        "version": row.Referral.version,
        "limited": limited_view(full),
        "details": None,
    }
