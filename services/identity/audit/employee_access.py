"""Why an account of the Employee Portal may do something: the conditions that `entry.admitted` decides by."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.audit.rules import Step
from services.identity.employees import entry, rules
from services.identity.models import Account, Relationship
from services.identity.registry.rules import is_in_effect
from services.identity.relationships.profiles import profiles_of


def employee_steps(
    session: Session,
    account: Account,
    person_id: str | None,
    permission: str,
    granted: Iterable[Step],
    now: datetime.datetime,
) -> list[Step]:
    """The conditions of the portal (S2-29 … S2-31, S2-35), then the conditions that open the profile of `person_id`.

    A grant opens the account's own profile: `granted` are the steps about grants. A supervisor relationship opens the
    profile of another employee.
    """
    lacking = entry.lacking_of(session, account, profiles_of(session, account.id, now), now)
    conditions = [
        Step(condition, condition not in lacking, "missing" if condition in lacking else "given")
        for condition in rules.CONDITIONS
        if condition not in ("active_account", "role")
    ]
    if person_id in (None, account.person_id):
        return [*conditions, *granted]
    relationship = session.scalar(
        select(Relationship)
        .where(
            Relationship.account_id == account.id,
            Relationship.person_id == person_id,
            Relationship.kind == entry.SUPERVISOR,
        )
        .order_by(Relationship.starts_at.desc())
        .limit(1)
    )
    if relationship is None:
        return [*conditions, Step("supervisor", False, "none")]
    starts_at, ends_at = relationship.starts_at, relationship.ends_at
    holds = is_in_effect(starts_at, ends_at, now) and bool(entry.employees_among(session, [person_id], now))
    held = entry.held_by_supervisors(session, account.organisation_id) or []
    return [
        *conditions,
        Step("supervisor", holds, "in effect" if holds else "over", starts_at, ends_at),
        Step("role", permission in held, entry.SUPERVISOR),
    ]
