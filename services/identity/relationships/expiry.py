"""Grants that end by the clock: they open nothing any more by then. This announces their end, and warns before it."""

from __future__ import annotations

from sqlalchemy import or_, select

from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.identity import relationships
from services.identity.models import Grant, Organisation
from services.identity.relationships import rules
from services.identity.relationships.grants import revoke

EVERY_S = 60.0
MOST_AT_ONCE = 200


def tell(runtime: Runtime) -> bool:
    """Announce grants that have ended and those that will end soon, each in its own transaction."""
    now = utc_now()
    with runtime.database.reading(None) as session:
        due = session.scalars(
            select(Grant.id)
            .where(
                Grant.revoked_at.is_(None),
                Grant.ends_at <= now + rules.NOTICE_BEFORE,
                or_(Grant.ends_at <= now, Grant.notice_sent_at.is_(None)),
            )
            .order_by(Grant.ends_at)
            .limit(MOST_AT_ONCE)
        ).all()
    for grant_id in due:
        _tell_of(runtime, grant_id)
    return True


def _tell_of(runtime: Runtime, grant_id: str) -> None:
    def work(unit: UnitOfWork) -> None:
        found = unit.session.execute(
            select(Grant, Organisation)
            .join(Organisation, Organisation.id == Grant.organisation_id)
            .where(Grant.id == grant_id, Grant.revoked_at.is_(None))
            .with_for_update(of=Grant, skip_locked=True)
        ).one_or_none()
        if found is None:
            return  # another replica has done it
        grant, organisation = found
        unit.act_for(organisation.id, organisation.key)
        tell_of(unit, grant)

    transact_as(runtime, itself(runtime), work)


def tell_of(unit: UnitOfWork, grant: Grant) -> None:
    """Announce that this grant has ended, or that it will end soon."""
    if grant.ends_at is None:
        return
    if grant.ends_at <= unit.now:
        revoke(unit, grant, "expired")
    elif grant.notice_sent_at is None and grant.ends_at - unit.now <= rules.NOTICE_BEFORE:
        grant.notice_sent_at = unit.now
        if not rules.is_worth_a_notice(grant.starts_at, grant.ends_at):
            return
        unit.audit("grant.notice_given", "grant", grant.id, person_id=grant.person_id)
        unit.publish(
            relationships.grant_expiring,
            grant.account_id,
            {
                "grant_id": grant.id,
                "account_id": grant.account_id,
                "person_id": grant.person_id,
                "ends_at": grant.ends_at,
            },
        )
