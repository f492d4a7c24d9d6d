"""Supervisor relationships that follow from the HR feed's manager numbers. The functions are steps of a transaction."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import aliased

from services.chassis import wire
from services.chassis.turns import in_turns
from services.chassis.unit_of_work import UnitOfWork
from services.identity.employees.models import Employment
from services.identity.employees.rules import HR
from services.identity.models import Account, Relationship
from services.identity.realms.rules import EMPLOYEE

SUPERVISOR = "supervisor"
EMPLOYEES_AT_ONCE = 50


def set_and_end_due(unit: UnitOfWork, *, after: str, most: int = EMPLOYEES_AT_ONCE) -> str | None:
    """Set and end the feed's supervisor relationships of `most` employees, by employee number (S2-34).

    Answers the number after which the next chunk begins, None when there is none. A manager without an account supervises
    nobody until it has one. Relationships that staff have set stay.
    """
    manager, employee = aliased(Employment), aliased(Employment)
    rows = unit.session.execute(
        select(employee.employee_number, employee.person_id, Account.id)
        .outerjoin(
            manager,
            and_(
                manager.employee_number == employee.manager_number,
                manager.ended_at.is_(None),
                employee.ended_at.is_(None),
                manager.id != employee.id,
            ),
        )
        .outerjoin(Account, and_(Account.person_id == manager.person_id, Account.realm == EMPLOYEE))
        .where(employee.employee_number > after)
        .order_by(employee.employee_number)
        .limit(most)
    ).all()
    wanted = {(account_id, person_id) for _, person_id, account_id in rows if account_id is not None}
    present = {
        (row.account_id, row.person_id): row
        for row in unit.session.scalars(
            select(Relationship).where(
                Relationship.person_id.in_([person_id for _, person_id, _ in rows]), *_in_effect(unit)
            )
        )
    }
    for account_id, person_id in sorted(wanted - set(present)):
        _set(unit, account_id, person_id)
    for pair, row in sorted(present.items()):
        if row.source == HR and pair not in wanted:
            row.ends_at = max(unit.now, row.starts_at)
            unit.audit("relationship.ended", "relationship", row.id, person_id=row.person_id, source=HR)
    return rows[-1].employee_number if len(rows) == most else None


def supervise(unit: UnitOfWork, account: Account) -> None:
    """Let a new account supervise the employees whose manager is the account's person."""
    manager = aliased(Employment)
    supervised = select(Relationship.person_id).where(
        Relationship.account_id == account.id, *_in_effect(unit)
    )
    due = unit.session.scalars(
        select(Employment.person_id)
        .join(manager, manager.employee_number == Employment.manager_number)
        .where(
            manager.person_id == account.person_id,
            manager.ended_at.is_(None),
            Employment.ended_at.is_(None),
            Employment.id != manager.id,
            Employment.person_id.not_in(supervised),
        )
    ).all()
    for person_id in in_turns(due):
        _set(unit, account.id, person_id)


def _in_effect(unit: UnitOfWork) -> tuple[ColumnElement[bool], ...]:
    return (
        Relationship.kind == SUPERVISOR,
        or_(Relationship.ends_at.is_(None), Relationship.ends_at > unit.now),
    )


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
