"""Emergency access (45 CFR 164.312(a)(2)(ii)): a caller gives a reason and gets access to one object for some minutes.

Readers of the audit trail are notified of it, a report lists it, and a second person reviews it.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from services.chassis import wire
from services.chassis.audit_fhir import BREAK_GLASS
from services.chassis.audit_search import page
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import audit as contract
from services.contracts.referrals import assignments, records
from services.contracts.signing import documents
from services.identity.models import Account, Role, RolePermission
from services.identity.realms.rules import STAFF
from services.identity.registry.actors import caller_of
from services.identity.registry.people import find_person
from services.identity.secrets.rules import Limit
from services.identity.secrets.tries import count_try
from services.identity.sessions.models import LoginSession

ENDED, REVIEWED = "access.break_glass_ended", "access.break_glass_reviewed"
ACCESS = "emergency_access"
COUNTED = "break-glass"
# Who knows whether an object exists, by its type: the operation, and the member of the request that names the object.
_DESCRIBED_BY = {
    "contact_record": (records.describe_contact_record, "contact_record_id"),
    "referral": (assignments.describe_referral, "referral_id"),
    "document": (documents.describe_document, "document_id"),
}


def require_object(call: Call) -> None:
    """Raise Refused(not_found) for an object that the organisation does not have. Call this outside of a transaction."""
    object_type, object_id = call.request["object_type"], call.request["object_id"]
    if object_type == "person":
        with call.runtime.database.reading(call.organisation_id) as session:
            find_person(session, object_id, "object_id")
        return
    operation, named = _DESCRIBED_BY[object_type]
    try:
        call.ask(operation, {named: object_id})
    except Refused as refusal:
        if refusal.code == "not_found":
            raise Refused("not_found", refusal.detail, field="object_id") from None
        raise


def break_glass(
    unit: UnitOfWork,
    minutes: int,
    most_a_day: int,
    *,
    object_type: str,
    object_id: str,
    reason_code: str,
    reason: str,
) -> dict[str, Any]:
    """Give the caller's session the one permission that reading this object needs, for `minutes` minutes.

    It ends after that time or with the session. Raises Refused(too_many_requests) for more than `most_a_day` by one person,
    whether or not they have ended, and Refused(unauthenticated) for a session that has ended.
    """
    caller = caller_of(unit)
    login = unit.session.scalar(
        select(LoginSession)
        .where(LoginSession.id == caller.session_id, LoginSession.ended_at.is_(None))
        .with_for_update()
    )
    if login is None:
        raise Refused("unauthenticated", "The session has ended. Log in again.")
    wait_s = count_try(unit, COUNTED, caller.id, Limit(most=most_a_day, rest_s=86_400, free=most_a_day))
    if wait_s:
        raise Refused(
            "too_many_requests",
            f"You have used {most_a_day} emergency accesses within a day. Ask a colleague or your administrator.",
            retry_after_s=wait_s,
        )
    open_now = in_effect(login.emergency, unit.now)
    access_id, ends_at = wire.new_id(), unit.now + datetime.timedelta(minutes=minutes)
    about = {"object_type": object_type, "object_id": object_id}
    permission = contract.EMERGENCY_OBJECTS[object_type]
    given = {"id": access_id, **about, "permission": permission, "until": int(ends_at.timestamp())}
    login.emergency = [*open_now, given]
    unit.audit(
        BREAK_GLASS,
        **about,
        audit_id=access_id,
        reason_given=reason,
        reason_code=reason_code,
        permission=permission,
        session_id=login.id,
        ends_at=ends_at.isoformat(),
    )
    unit.publish(
        contract.break_glass_used,
        caller.id,
        {"access_id": access_id, "account_id": caller.id, **about, "ends_at": ends_at},
    )
    return {"id": access_id, **about, "permission": permission, "ends_at": ends_at}


def end_break_glass(unit: UnitOfWork, tables: Any, *, access_id: str) -> dict[str, Any]:
    """End emergency access before its time. Nothing happens where it is over already.

    Its owner may end it from any session, and so may an account that may read the audit trail. To everybody else it
    does not exist. Raises Refused(not_found).
    """
    caller = caller_of(unit)
    # Only the audit entry of the access names the session that has it.
    given = _find_given(unit, tables, access_id)
    if given is None or not (given.actor_id == caller.id or caller.may("audit.read")):
        raise _no_access()
    login = unit.session.scalar(
        select(LoginSession)
        .where(LoginSession.id == given.facts["session_id"], LoginSession.ended_at.is_(None))
        .with_for_update()
    )
    if login is None:
        return {}
    open_now = in_effect(login.emergency, unit.now)
    left = [each for each in open_now if each["id"] != given.id]
    if len(left) == len(open_now):
        return {}
    login.emergency = left
    unit.audit(ENDED, ACCESS, given.id, account_id=given.actor_id, is_own=given.actor_id == caller.id)
    unit.publish(
        contract.break_glass_ended,
        given.actor_id,
        {"access_id": given.id, "account_id": given.actor_id, "ended_by": caller.id},
    )
    return {}


def _find_given(unit: UnitOfWork, tables: Any, access_id: str) -> Any:
    """The audit entry of an emergency access."""
    return unit.session.scalar(
        select(tables.Audit).where(
            tables.Audit.id == access_id,
            tables.Audit.organisation_id == unit.organisation_id,
            tables.Audit.action == BREAK_GLASS,
        )
    )


def _no_access() -> Refused:
    return Refused("not_found", "There is no such emergency access.", field="access_id")


def review_break_glass(unit: UnitOfWork, tables: Any, *, access_id: str, outcome: str) -> dict[str, Any]:
    """Note what a second person has found about an emergency access.

    Raises Refused(not_found), Refused(second_person_needed) for who has used it, and Refused(conflict) where somebody has
    reviewed it already.
    """
    given = _find_given(unit, tables, access_id)
    if given is None:
        raise _no_access()
    if given.actor_id == unit.actor_id:
        raise Refused(
            "second_person_needed",
            "You have used this emergency access yourself: a second person reviews it.",
            field="access_id",
        )
    if _later(unit.session, tables.Audit, unit.organisation_id, REVIEWED, [given.id]):
        raise Refused("conflict", "Somebody has reviewed this emergency access already.", field="access_id")
    unit.audit(REVIEWED, ACCESS, given.id, account_id=given.actor_id, outcome=outcome)
    return {"access_id": given.id, "outcome": outcome, "reviewed_at": unit.now}


def in_effect(accesses: Sequence[dict[str, Any]] | None, now: datetime.datetime) -> list[dict[str, Any]]:
    """The emergency accesses of a session that have not ended."""
    return [each for each in accesses or () if each["until"] > now.timestamp()]


def list_break_glass(
    session: Session,
    caller: Caller,
    tables: Any,
    *,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    account_id: str | None,
    is_reviewed: bool | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """The report of emergency accesses, newest first: who, what, when, why, until when, and what a second person has found.

    Raises Refused(invalid_request) for an unknown cursor.
    """
    table = tables.Audit
    statement = select(table).where(
        table.organisation_id == caller.organisation_id, table.action == BREAK_GLASS
    )
    if account_id is not None:
        statement = statement.where(table.actor_id == account_id)
    if since is not None:
        statement = statement.where(table.at >= since)
    if until is not None:
        statement = statement.where(table.at < until)
    if is_reviewed is not None:
        review = aliased(table)
        reviews = exists().where(
            review.organisation_id == caller.organisation_id,
            review.object_type == ACCESS,
            review.object_id == table.id,
            review.action == REVIEWED,
        )
        statement = statement.where(reviews if is_reviewed else ~reviews)
    rows, following = page(session, statement, table, after=after, limit=limit)
    found = [row.id for row in rows]
    ended = _later(session, table, caller.organisation_id, ENDED, found)
    reviewed = _later(session, table, caller.organisation_id, REVIEWED, found)
    items = [
        {
            "id": row.id,
            "at": row.at,
            "account_id": row.actor_id,
            "object_type": row.object_type,
            "object_id": row.object_id,
            "permission": row.facts["permission"],
            "ends_at": datetime.datetime.fromisoformat(row.facts["ends_at"]),
            "reason_code": row.facts.get("reason_code"),
            "reason": row.reason,
            "ended_at": ended[row.id].at if row.id in ended else None,
        }
        | _review_view(reviewed.get(row.id))
        for row in rows
    ]
    return {"items": items, "next": following}


def _review_view(review: Any) -> dict[str, Any]:
    return {
        "outcome": review.facts["outcome"] if review else None,
        "reviewed_by": review.actor_id if review else None,
        "reviewed_at": review.at if review else None,
    }


def _later(
    session: Session, table: Any, organisation_id: str | None, action: str, access_ids: list[str]
) -> dict[str, Any]:
    """What was done about each of these accesses afterwards, by the access's id: an audit entry of this action."""
    rows = session.scalars(
        select(table).where(
            table.organisation_id == organisation_id,
            table.object_type == ACCESS,
            table.object_id.in_(access_ids),
            table.action == action,
        )
    )
    return {row.object_id: row for row in rows}


def list_audit_readers(session: Session, _caller: Caller) -> dict[str, Any]:
    """Active accounts whose role holds `audit.read`."""
    readers = select(RolePermission.role_id).where(RolePermission.permission == "audit.read")
    rows = session.execute(
        select(Account.id, Account.email_verified_at)
        .join(Role, Role.id == Account.role_id)
        .where(Account.state == "active", Role.realm == STAFF, Role.id.in_(readers))
        .order_by(Account.id)
    )
    recipients = [
        {"account_id": account_id, "email_is_verified": verified_at is not None}
        for account_id, verified_at in rows
    ]
    return {"recipients": recipients}
