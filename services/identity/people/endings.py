"""The end of what a person is to the organisation, and of the access that rests on it.

Staff end a kind, or the clock does. The clock alone decides whether somebody reaches a profile, at each request. This
module then does what a discharge by staff does: accesses are revoked and accounts disabled, the events say so, and they
do not come back when the person is admitted again.
"""

from __future__ import annotations

from sqlalchemy import select

from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.identity.employees.automatic import close_account
from services.identity.models import Account, Grant, Organisation, Person, PersonKind
from services.identity.patients import enrolment
from services.identity.realms import rules
from services.identity.registry.confirmation import require_confirmation
from services.identity.registry.people import current_kinds, kinds_of
from services.identity.relationships.grants import revoke

EVERY_S = 60.0
MOST_AT_ONCE = 200


def end_due(runtime: Runtime) -> bool:
    """End the access of people who are no longer of a kind by the clock, each in its own transaction."""
    with runtime.database.reading(None) as session:
        due = session.scalars(
            select(PersonKind.person_id)
            .where(PersonKind.ends_at <= utc_now(), PersonKind.closed_at.is_(None))
            .order_by(PersonKind.ends_at)
            .limit(MOST_AT_ONCE)
        ).all()
    for person_id in dict.fromkeys(due):
        _end_due_of(runtime, person_id)
    return True


def _end_due_of(runtime: Runtime, person_id: str) -> None:
    def work(unit: UnitOfWork) -> None:
        found = unit.session.execute(
            select(Person, Organisation)
            .join(Organisation, Organisation.id == Person.organisation_id)
            .where(Person.id == person_id)
            .with_for_update(of=Person, skip_locked=True)
        ).one_or_none()
        if found is None:
            return  # somebody changes this person: the next run sees what is left
        person, organisation = found
        unit.act_for(organisation.id, organisation.key)
        close_ended(unit, person)

    transact_as(runtime, itself(runtime), work)


def close_ended(unit: UnitOfWork, person: Person) -> None:
    """End the access that rests on kinds of the locked person that the clock has ended. Nobody is asked to confirm."""
    rows = unit.session.scalars(
        select(PersonKind).where(
            PersonKind.person_id == person.id,
            PersonKind.ends_at <= unit.now,
            PersonKind.closed_at.is_(None),
        )
    ).all()
    for row in rows:
        row.closed_at = unit.now
    ended = {row.kind for row in rows}
    # One period may follow another without a gap.
    for kind in sorted(ended.difference(current_kinds(kinds_of(unit.session, [person.id])[person.id]))):
        person.version += 1
        unit.audit("person.kind_ended", "person", person.id, kind=kind)
        end_access(unit, person, kind, confirm=True)


def end_access(unit: UnitOfWork, person: Person, kind: str, *, confirm: bool) -> None:
    """End the access to portals that rests on a kind. Raises Refused(confirmation_required) unless `confirm` is true."""
    if kind == rules.EMPLOYEE:
        close_account(unit, person)
    elif kind == rules.PATIENT and enrolment.open_access(unit, person) is not None:
        require_confirmation(confirm, "The patient can no longer use the portal.")
        enrolment.disable(unit, person)
    elif kind == rules.CLIENT:
        grants = unit.session.scalars(
            select(Grant)
            .join(Account, Account.id == Grant.account_id)
            .where(Account.realm == rules.FAMILY, Grant.person_id == person.id, Grant.revoked_at.is_(None))
            .with_for_update(of=Grant)
        ).all()
        if grants:
            require_confirmation(
                confirm, f"{len(grants)} accounts can no longer see this client's Family Portal profile."
            )
        for grant in grants:
            revoke(unit, grant, "client_discharged")
