"""Queries about referrals. Lists show limited views; the whole record is shown for one referral at a time."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, select
from sqlalchemy.orm import Session, lazyload

from services.chassis.database import built_once
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.referrals.access.access_scope import access_scope_of, may_see_details
from services.referrals.access.visibility import not_visible, visible_referral, visible_to
from services.referrals.assignments import listing
from services.referrals.assignments.rules import next_statuses, possible_actions
from services.referrals.authors.rules import actor_view, side_of
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import agency_name_of
from services.referrals.models import Referral, StatusChange
from services.referrals.queues.models import Queue, QueueStatus
from services.referrals.queues.rules import settings_of
from services.referrals.records.consent import is_over
from services.referrals.records.models import ContactRecord
from services.referrals.records.queries import view_of as record_view
from services.referrals.records.rules import (
    contact_name,
    limited_view,
    visible_limited,
    visible_record,
    withheld_fields,
)
from services.referrals.workflow.queries import workflow_of


class _Row(NamedTuple):
    """A row of `_LIMITED`."""

    Referral: Referral
    Queue: Queue
    QueueStatus: QueueStatus
    program_name: str
    number: str
    first_name: str | None
    last_name: str | None
    submitted_at: datetime.datetime
    postal_code: str | None
    consent_until: datetime.date | None


_LIMITED = (
    select(
        Referral,
        Queue,
        QueueStatus,
        Resource.name.label("program_name"),
        ContactRecord.number,
        ContactRecord.first_name,
        ContactRecord.last_name,
        ContactRecord.submitted_at,
        ContactRecord.postal_code,
        ContactRecord.consent_until,
    )
    .join(Queue, Queue.id == Referral.queue_id)
    .join(Resource, Resource.id == Referral.program_id)
    .join(QueueStatus, and_(QueueStatus.queue_id == Referral.queue_id, QueueStatus.key == Referral.status))
    .join(ContactRecord, ContactRecord.id == Referral.contact_record_id)
    # The referral's own status is joined; few callers need the queue's other statuses.
    .options(lazyload(Queue.statuses))
)
_ONE_LIMITED = built_once(_LIMITED.where(Referral.id == bindparam("referral_id")))


def list_referrals(
    session: Session,
    caller: Caller | None,
    *,
    number: str | None,
    queue_id: str | None,
    program_id: str | None,
    agency_id: str | None,
    contact_record_id: str | None,
    status: str | None,
    priority: str | None,
    is_open: bool | None,
    is_waitlisted: bool | None,
    is_overdue: bool | None,
    is_urgent: bool | None,
    is_consent_expired: bool | None,
    assigned_from: datetime.datetime | None,
    assigned_before: datetime.datetime | None,
    sort: str,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of the referrals that the caller sees (S0-14, S0-37), filtered and in order (S0-45).

    Where no visible referral has `number`, staff get an empty page; others get Refused `not_found` in the words of
    S0-46, whether or not the number exists. Raises Refused `invalid_request` for an unreadable cursor.
    """
    now = utc_now()
    filters = listing.Filters(
        number=number,
        queue_id=queue_id,
        program_id=program_id,
        agency_id=agency_id,
        contact_record_id=contact_record_id,
        status=status,
        priority=priority,
        is_open=is_open,
        is_waitlisted=is_waitlisted,
        is_overdue=is_overdue,
        is_urgent=is_urgent,
        is_consent_expired=is_consent_expired,
        assigned_from=assigned_from,
        assigned_before=assigned_before,
    )
    kept, order = listing.in_order(sort)
    conditions = (visible_to(caller), *listing.narrowed(session, filters, now), *kept)
    statement = _LIMITED.where(*conditions).order_by(*order)
    if after is not None:
        statement = statement.where(listing.after(after, sort))
    rows = session.execute(statement.limit(limit + 1)).all()
    if not rows and number is not None and not access_scope_of(caller).everything:
        raise not_visible(caller, "number")
    page = rows[:limit]
    return {
        "items": [_view(session, row, caller, now) for row in page],
        "next": listing.cursor_at(page[-1].Referral, sort) if len(rows) > len(page) else None,
    }


def describe_referral(session: Session, caller: Caller | None, *, referral_id: str) -> dict[str, str]:
    """The referral's id, if the organisation has it, for another service. Raises Refused `not_found`."""
    if session.get(Referral, referral_id) is None:
        raise not_visible(caller, "referral_id")
    return {"referral_id": referral_id}


def get_referral(session: Session, caller: Caller | None, *, referral_id: str) -> dict[str, Any]:
    """One referral that the caller sees, with the whole contact record where allowed (S0-24, S0-25).

    Raises Refused `not_found`. The calling function audits the reading if the answer has `details`.
    """
    referral = visible_referral(session, caller, referral_id)
    row = session.execute(_ONE_LIMITED, {"referral_id": referral.id}).one()
    view = _view(session, row, caller, utc_now())
    onwards = (
        next_statuses(
            settings_of(row.Queue),
            row.Queue.status_list(),
            referral.status,
            is_ended=referral.is_terminal,
            ended_by=referral.ended_by,
        )
        if workflow_of(session).has_status_changes
        else []
    )
    view["progress"]["next_statuses"] = onwards
    view["progress"]["actions"] = possible_actions(
        row.Queue.status_list(),
        onwards,
        is_ended=referral.is_terminal,
        ended_by=referral.ended_by,
        is_accepted=referral.accepted_at is not None,
        for_sender=access_scope_of(caller).everything,
    )
    if may_see_details(caller):
        record = record_view(session, session.get_one(ContactRecord, referral.contact_record_id))
        view["details"] = (
            record if access_scope_of(caller).everything else visible_record(record, *_stage_of(row))
        )
    return view


def list_referral_history(session: Session, caller: Caller | None, *, referral_id: str) -> dict[str, Any]:
    """The history of a referral that the caller sees, oldest first. Raises Refused `not_found`."""
    referral = visible_referral(session, caller, referral_id)
    agency_name = agency_name_of(session, referral.program_id)
    lines = _lines(caller, referral)
    return {
        "items": [
            {
                "at": line.at,
                "kind": line.kind,
                "from_status": line.from_label,
                "to_status": line.to_label,
                "note": line.note,
                "is_internal": line.is_internal,
                "reason_code": line.reason_code,
                "outcome_code": line.outcome_code,
                "actor_id": line.actor_id,
                "actor": _actor(line, referral, agency_name),
            }
            for line in session.scalars(lines.order_by(StatusChange.position))
        ]
    }


def list_referral_notes(session: Session, caller: Caller | None, *, referral_id: str) -> dict[str, Any]:
    """The notes of a referral that the caller sees, with author and time, oldest first (S0-32). Raises Refused `not_found`."""
    referral = visible_referral(session, caller, referral_id)
    agency_name = agency_name_of(session, referral.program_id)
    lines = _lines(caller, referral).where(StatusChange.note.is_not(None))
    return {
        "items": [
            {
                "id": line.id,
                "at": line.at,
                "author": _actor(line, referral, agency_name),
                "note": line.note,
                "is_internal": line.is_internal,
            }
            for line in session.scalars(lines.order_by(StatusChange.at, StatusChange.position))
        ]
    }


def new_referral_view(
    session: Session,
    caller: Caller | None,
    referral: Referral,
    queue: Queue,
    program: Resource,
    record: ContactRecord,
) -> dict[str, Any]:
    """The limited view of a referral that was just opened, made of the rows that its command has loaded."""
    status = next(status for status in queue.statuses if status.key == referral.status)
    columns = ("number", "first_name", "last_name", "submitted_at", "postal_code", "consent_until")
    names = (getattr(record, name) for name in columns)
    return _view(session, _Row(referral, queue, status, program.name, *names), caller, utc_now())


def limited_referral(session: Session, caller: Caller | None, referral_id: str) -> dict[str, Any]:
    """The limited view of a referral as a command answers it. The command has checked that the caller sees it."""
    session.flush()
    row = session.execute(_ONE_LIMITED, {"referral_id": referral_id}).one()
    return _view(session, row, caller, utc_now())


def _lines(caller: Caller | None, referral: Referral) -> Any:
    lines = select(StatusChange).where(StatusChange.referral_id == referral.id)
    if not access_scope_of(caller).everything:
        lines = lines.where(StatusChange.is_internal.is_(False))
    return lines


def _actor(line: StatusChange, referral: Referral, agency_name: str | None) -> dict[str, str | bool | None]:
    """The author of a line. A line from before the assignment was copied and may be another agency's, so none is named."""
    own_agency = agency_name if line.at >= referral.assigned_at else None
    return actor_view(line.actor_id, side_of(line.actor_realm), own_agency, by_link=line.by_link)


def _view(session: Session, row: Any, caller: Caller | None, now: datetime.datetime) -> dict[str, Any]:
    is_staff = access_scope_of(caller).everything
    stage, stage_fields = _stage_of(row)
    if caller is not None and caller.link is not None:
        is_staff, stage_fields = False, {}  # who came by a mail's link learns nothing about the person
    limited = limited_view(
        {
            "referralq_name": row.Queue.name,
            "assigned_resource": row.program_name,
            "contact_record_number": row.number,
            "status": row.QueueStatus.label,
            "note": None if caller is not None and caller.link else row.Referral.note,
            "contact_name": contact_name(row.first_name, row.last_name),
            "contact_date": row.submitted_at,
            "postal_code": row.postal_code,
        }
    )
    return {
        "id": row.Referral.id,
        "version": row.Referral.version,
        "progress": _progress(session, row, now, is_staff=is_staff),
        "limited": limited if is_staff else visible_limited(limited, stage, stage_fields),
        "withheld": [] if is_staff else withheld_fields(stage, stage_fields, details=False),
        "details": None,
    }


def _stage_of(row: Any) -> tuple[str, Any]:
    """The referral's stage, and the fields that its queue shows at each stage."""
    return row.QueueStatus.as_rule().stage, settings_of(row.Queue).stage_fields


def _progress(session: Session, row: Any, now: datetime.datetime, *, is_staff: bool) -> dict[str, Any]:
    referral: Referral = row.Referral
    due_at = None if referral.is_terminal else referral.due_at
    return {
        "queue_id": referral.queue_id,
        "program_id": referral.program_id,
        "contact_record_id": referral.contact_record_id if is_staff else None,
        "status_key": referral.status,
        "status_since": referral.status_since,
        "priority": referral.priority,
        "assigned_at": referral.assigned_at,
        "accepted_at": referral.accepted_at,
        "due_at": due_at,
        "is_overdue": due_at is not None and due_at < now,
        "is_urgent": not referral.is_terminal and referral.priority != "routine",
        "is_consent_expired": not referral.is_terminal
        and is_over(session, row.consent_until, referral.consent_ends_at, now),
        "is_waitlisted": referral.is_waitlisted,
        "waitlisted_at": referral.waitlisted_at,
        "is_terminal": referral.is_terminal,
        "ended_at": referral.ended_at,
        "ended_by": referral.ended_by,
        "reason_code": referral.reason_code,
        "outcome_code": referral.outcome_code,
        "replaced_by_id": referral.replaced_by_id if is_staff else None,
        "offer_id": referral.offer_id if is_staff else None,
        "next_statuses": None,
        "actions": None,
    }
