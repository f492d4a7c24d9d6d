"""Supervisor relationships that follow from the HR feed's manager numbers. The functions are steps of a transaction."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import aliased

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.identity.employees.models import Employment
from services.identity.employees.rules import HR
from services.identity.models import Account, Relationship
from services.identity.realms.rules import EMPLOYEE

SUPERVISOR = "supervisor"
MOST_AT_ONCE = 500


def set_and_end_due(unit: UnitOfWork, *, most: int = MOST_AT_ONCE) -> bool:
    """Set and end at most `most` of the feed's supervisor relationships each; True when none is left to do (S2-34).

    A manager without an account supervises nobody until it has one. Relationships that staff have set stay.
    """
    manager, employee = aliased(Employment), aliased(Employment)
    wanted = {
        (account_id, person_id)
        for account_id, person_id in unit.session.execute(
            select(Account.id, employee.person_id)
            .join(manager, manager.person_id == Account.person_id)
            .join(employee, employee.manager_number == manager.employee_number)
            .where(
                Account.realm == EMPLOYEE,
                manager.ended_at.is_(None),
                employee.ended_at.is_(None),
                manager.id != employee.id,
            )
        )
    }
    present = {
        (row.account_id, row.person_id): row
        for row in unit.session.scalars(
            select(Relationship).where(
                Relationship.kind == SUPERVISOR,
                or_(Relationship.ends_at.is_(None), Relationship.ends_at > unit.now),
            )
        )
    }
    missing = sorted(wanted - set(present))
    over = [row for pair, row in sorted(present.items()) if row.source == HR and pair not in wanted]
    for account_id, person_id in missing[:most]:
        _set(unit, account_id, person_id)
    for row in over[:most]:
        row.ends_at = max(unit.now, row.starts_at)
        unit.audit("relationship.ended", "relationship", row.id, person_id=row.person_id, source=HR)
    return max(len(missing), len(over)) <= most


def supervise(unit: UnitOfWork, account: Account) -> None:
    """Let a new account supervise the employees whose manager is the account's person."""
    manager = aliased(Employment)
    for person_id in unit.session.scalars(
        select(Employment.person_id)
        .join(manager, manager.employee_number == Employment.manager_number)
        .where(
            manager.person_id == account.person_id,
            manager.ended_at.is_(None),
            Employment.ended_at.is_(None),
            Employment.id != manager.id,
        )
    ).all():
        present = unit.session.scalar(
            select(Relationship.id).where(
                Relationship.account_id == account.id,
                Relationship.person_id == person_id,
                Relationship.kind == SUPERVISOR,
                or_(Relationship.ends_at.is_(None), Relationship.ends_at > unit.now),
            )
        )
        if present is None:
            _set(unit, account.id, person_id)


def _set(unit: UnitOfWork, account_id: str, person_id: str) -> None:
    row = Relationship(
        id=wire.new_id(),
        account_id=account_id,
        person_id=person_id,
        kind=SUPERVISOR,
        source=HR,
        starts_at=unit.now,
        created_at=unit.now,
    )
    unit.add(row)
    unit.audit(
        "relationship.set",
        "relationship",
        row.id,
        account_id=account_id,
        person_id=person_id,
        kind=SUPERVISOR,
        source=HR,
    )
