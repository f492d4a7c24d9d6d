"""Applying a chunk of the HR feed's differences inside a transaction. A chunk can be applied again."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import or_, select

from services.chassis import wire
from services.chassis.turns import in_turns
from services.chassis.unit_of_work import UnitOfWork
from services.identity.employees import rules
from services.identity.employees.automatic import close_account, open_account, reopen_account
from services.identity.employees.entry import entry_of
from services.identity.employees.models import Employment
from services.identity.hr_feed.models import HrImportLine
from services.identity.hr_feed.rules import EMPLOYMENT_FIELDS, ENDED, PERSON_FIELDS
from services.identity.models import Person, PersonKind
from services.identity.realms.rules import EMPLOYEE
from services.identity.registry.accounts import name_accounts

ACCOUNTS_AT_ONCE = 3


def apply(unit: UnitOfWork, lines: Sequence[HrImportLine]) -> None:
    """Add, change and end employees as these lines say."""
    numbers = [line.employee_number for line in lines]
    known: dict[str, tuple[Employment, Person]] = {
        employment.employee_number: (employment, person)
        for employment, person in unit.session.execute(
            select(Employment, Person)
            .join(Person, Person.id == Employment.person_id)
            .where(Employment.employee_number.in_(numbers))
            .with_for_update()
        )
    }
    adopted = {
        person.id: person
        for person in unit.session.scalars(
            select(Person)
            .where(Person.id.in_([line.person_id for line in lines if line.person_id is not None]))
            .with_for_update()
        )
    }
    taken = set(unit.session.scalars(select(Person.number).where(Person.number.in_(numbers))))
    created = {
        line.employee_number: _new_person(unit, line, is_free=line.employee_number not in taken)
        for line in lines
        if line.action != ENDED and line.employee_number not in known and line.person_id not in adopted
    }
    unit.session.flush()  # employments and kinds refer to the new people
    opened: list[Person] = []
    for line in lines:
        number = line.employee_number
        if number in created:
            _start(unit, line, created[number])
            opened.append(created[number])
            continue
        present = known.get(number)
        if line.action == ENDED:
            if present is not None:
                _end(unit, *present)
            continue
        if present is None:
            present = _employ(unit, number, adopted[str(line.person_id)]), adopted[str(line.person_id)]
        if _change(unit, line, *present):
            opened.append(present[1])
    unit.session.flush()
    if opened and entry_of(unit.session, str(unit.organisation_id), EMPLOYEE).opens_accounts:
        for person in in_turns(opened, ACCOUNTS_AT_ONCE):
            open_account(unit, person)


def _new_person(unit: UnitOfWork, line: HrImportLine, *, is_free: bool) -> Person:
    """Add a new person. Its number is HR's number; where another person has that, it is one that cannot be taken."""
    person_id = wire.new_id()
    person = Person(
        id=person_id,
        number=line.employee_number if is_free else f"E-{person_id}",
        field_sources={},
        created_at=unit.now,
        version=0,
        last_name=line.columns["last_name"],
    )
    unit.add(person)
    return person


def _start(unit: UnitOfWork, line: HrImportLine, person: Person) -> None:
    _take_over(person, _employ(unit, line.employee_number, person), line.columns)
    _start_kind(unit, person.id)
    unit.audit("employee.added", "person", person.id, source=rules.HR)


def _employ(unit: UnitOfWork, employee_number: str, person: Person) -> Employment:
    employment = Employment(
        id=wire.new_id(),
        person_id=person.id,
        employee_number=employee_number,
        source=rules.HR,
        started_at=unit.now,
    )
    unit.add(employment)
    return employment


def _change(unit: UnitOfWork, line: HrImportLine, employment: Employment, person: Person) -> bool:
    """Replace the employee's values by HR's (S2-131). True if the employment had ended and begins again."""
    _take_over(person, employment, line.columns)
    employment.source = rules.HR
    is_rehired = employment.ended_at is not None
    if is_rehired:
        employment.ended_at, employment.started_at = None, unit.now
        _start_kind(unit, person.id)
        reopen_account(unit, person)
    members = sorted(change["field"] for change in line.changes)
    if not {"first_name", "last_name"}.isdisjoint(members):
        name_accounts(unit, person)
    unit.audit("employee.changed", "person", person.id, members=members, source=rules.HR)
    return is_rehired


def _take_over(person: Person, employment: Employment, columns: Mapping[str, Any]) -> None:
    sources = dict(person.field_sources or {})
    for name in PERSON_FIELDS:
        if name in columns:
            value = columns[name]
            setattr(person, name, datetime.date.fromisoformat(value) if name == "date_of_birth" else value)
            sources[name] = rules.HR
    for name in EMPLOYMENT_FIELDS:
        if name in columns:
            setattr(employment, name, columns[name] or None)
    person.field_sources = sources
    person.version += 1


def _start_kind(unit: UnitOfWork, person_id: str) -> None:
    unit.add(PersonKind(id=wire.new_id(), person_id=person_id, kind=EMPLOYEE, starts_at=unit.now))


def _end(unit: UnitOfWork, employment: Employment, person: Person) -> None:
    """End an employment; it is never deleted. The account is disabled: the employee can no longer sign in."""
    if employment.ended_at is not None:
        return
    employment.ended_at = unit.now
    person.version += 1
    for kind in unit.session.scalars(
        select(PersonKind).where(
            PersonKind.person_id == person.id,
            PersonKind.kind == EMPLOYEE,
            or_(PersonKind.ends_at.is_(None), PersonKind.ends_at > unit.now),
        )
    ):
        kind.end(unit.now)
    close_account(unit, person)
    unit.audit("employee.ended", "person", person.id, source=rules.HR)
