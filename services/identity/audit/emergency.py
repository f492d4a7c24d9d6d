"""Emergency access (45 CFR 164.312(a)(2)(ii)): a caller gives a reason and gets access to one object for some minutes.

Readers of the audit trail are notified of it, and a report lists it.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.audit_fhir import BREAK_GLASS
from services.chassis.audit_search import page
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import audit as contract
from services.identity.models import Account, Role, RolePermission
from services.identity.realms.rules import STAFF
from services.identity.registry.actors import caller_of
from services.identity.sessions.models import LoginSession

# Emergency accesses that one session may have at once: somebody who needs more is searching.
MOST_AT_ONCE = 5
ENDED, ACCESS = "access.break_glass_ended", "emergency_access"


def break_glass(
    unit: UnitOfWork, minutes: int, *, object_type: str, object_id: str, reason: str
) -> dict[str, Any]:
    """Give the caller's session the one permission that reading this object needs, for `minutes` minutes.

    It ends after that time or with the session. Raises Refused(too_many_requests) when MOST_AT_ONCE are open, and
    Refused(unauthenticated) for a session that has ended.
    """
    caller = caller_of(unit)
    login = unit.session.scalar(
        select(LoginSession)
        .where(LoginSession.id == caller.session_id, LoginSession.ended_at.is_(None))
        .with_for_update()
    )
    if login is None:
        raise Refused("unauthenticated", "The session has ended. Log in again.")
    open_now = in_effect(login.emergency, unit.now)
    if len(open_now) >= MOST_AT_ONCE:
        first_ends_s = min(each["until"] for each in open_now) - unit.now.timestamp()
        raise Refused(
            "too_many_requests",
            f"{MOST_AT_ONCE} emergency accesses are open in this session; wait until one ends.",
            retry_after_s=max(1, round(first_ends_s)),
        )
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
    caller = unit.caller
    # Only the audit entry of the access names the session that has it.
    given = unit.session.scalar(
        select(tables.Audit).where(
            tables.Audit.id == access_id,
            tables.Audit.organisation_id == unit.organisation_id,
            tables.Audit.action == BREAK_GLASS,
        )
    )
    if caller is None or given is None or not (given.actor_id == caller.id or caller.may("audit.read")):
        raise Refused("not_found", "There is no such emergency access.", field="access_id")
    login = unit.session.scalar(
        select(LoginSession).where(LoginSession.id == given.facts["session_id"]).with_for_update()
    )
    open_now = in_effect(login.emergency, unit.now) if login is not None else []
    left = [each for each in open_now if each["id"] != given.id]
    if login is None or login.ended_at is not None or len(left) == len(open_now):
        return {}
    login.emergency = left
    unit.audit(ENDED, ACCESS, given.id, account_id=given.actor_id, is_own=given.actor_id == caller.id)
    unit.publish(
        contract.break_glass_ended,
        given.actor_id,
        {"access_id": given.id, "account_id": given.actor_id, "ended_by": caller.id},
    )
    return {}


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
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """The report of emergency accesses, newest first: who, what, when, why, until when, and when it was ended early.

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
    rows, following = page(session, statement, table, after=after, limit=limit)
    ended = _ended_early(session, table, caller, [row.id for row in rows])
    items = [
        {
            "id": row.id,
            "at": row.at,
            "account_id": row.actor_id,
            "object_type": row.object_type,
            "object_id": row.object_id,
            "permission": row.facts["permission"],
            "ends_at": datetime.datetime.fromisoformat(row.facts["ends_at"]),
            "reason": row.reason,
            "ended_at": ended.get(row.id),
        }
        for row in rows
    ]
    return {"items": items, "next": following}


def _ended_early(
    session: Session, table: Any, caller: Caller, access_ids: list[str]
) -> dict[str, datetime.datetime]:
    """When each of these accesses was ended before its time, by id; absent where nobody did."""
    rows = session.execute(
        select(table.object_id, table.at).where(
            table.organisation_id == caller.organisation_id,
            table.object_type == ACCESS,
            table.object_id.in_(access_ids),
            table.action == ENDED,
        )
    )
    return {row.object_id: row.at for row in rows}


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
