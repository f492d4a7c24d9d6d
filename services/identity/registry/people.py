"""People as every subject needs them: finding, locking, adding, and what they are now."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Collection, Sequence
from typing import TypedDict, Unpack

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.identity.models import Person, PersonKind
from services.identity.registry import rules
from services.identity.registry.models import PersonalDataJob


def load_person(unit: UnitOfWork, person_id: str) -> Person:
    """The person, locked until the transaction ends. Raises Refused(not_found)."""
    person: Person | None = unit.session.scalar(
        select(Person).where(Person.id == person_id).with_for_update()
    )
    if person is None:
        raise Refused("not_found", "There is no such person.")
    return person


def find_person(session: Session, person_id: str, field: str | None = None) -> Person:
    """The person. Raises Refused(not_found)."""
    person: Person | None = session.scalar(select(Person).where(Person.id == person_id))
    if person is None:
        raise Refused("not_found", "There is no such person.", field=field)
    return person


def is_being_erased(session: Session, *person_ids: str) -> bool:
    """Whether services are erasing one of these people: what became another person's meanwhile would stay."""
    running = select(PersonalDataJob.people).where(
        PersonalDataJob.kind == "erasure", PersonalDataJob.finished_at.is_(None)
    )
    return any(not set(person_ids).isdisjoint(people) for people in session.scalars(running))


def kinds_of(session: Session, person_ids: Collection[str]) -> dict[str, list[PersonKind]]:
    """What each of these people is, was or will be, oldest first."""
    found: dict[str, list[PersonKind]] = {person_id: [] for person_id in person_ids}
    statement = select(PersonKind).where(PersonKind.person_id.in_(person_ids)).order_by(PersonKind.starts_at)
    for row in session.scalars(statement):
        found[row.person_id].append(row)
    return found


def current_kinds(history: Sequence[PersonKind]) -> list[str]:
    """What a person is now."""
    now = utc_now()
    return sorted({row.kind for row in history if rules.is_in_effect(row.starts_at, row.ends_at, now)})


class PersonMembers(TypedDict, total=False):
    """What is known of a person, or changes. What is left out is unknown, or stays as it is."""

    first_name: str | None
    last_name: str
    date_of_birth: datetime.date | None
    email: str | None
    street: str | None
    city: str | None
    postal_code: str | None
    home_phone: str | None
    mobile_phone: str | None
    work_phone: str | None
    insurer: str | None
    insurance_number: str | None


NUMBER_DIGITS = 9


def add_person(
    unit: UnitOfWork, number: str | None, kinds: list[str], **members: Unpack[PersonMembers]
) -> Person:
    """Add a person of these kinds from now on. Without a number it gets a random free one. Raises Refused(number_taken)."""
    person = Person(
        id=wire.new_id(),
        number=number or _free_number(unit),
        field_sources={},
        created_at=unit.now,
        version=1,
        **members,
    )
    unit.add(person)
    try:
        unit.session.flush()
    except IntegrityError:
        raise Refused("number_taken", "Another person has this number.", field="number") from None
    for kind in dict.fromkeys(kinds):
        add_kind(unit, person, kind, unit.now, None)
    unit.audit("person.created", "person", person.id, kinds=sorted(set(kinds)))
    return person


def _free_number(unit: UnitOfWork) -> str:
    # Random: consecutive numbers would tell how many people there are, and a counter would make transactions wait.
    while True:
        number = f"P{secrets.randbelow(10**NUMBER_DIGITS):0{NUMBER_DIGITS}d}"
        if unit.session.scalar(select(Person.id).where(Person.number == number)) is None:
            return number


def add_kind(
    unit: UnitOfWork,
    person: Person,
    kind: str,
    starts_at: datetime.datetime,
    ends_at: datetime.datetime | None,
) -> None:
    """Note that a person is of this kind, from when, and until when."""
    unit.add(
        PersonKind(id=wire.new_id(), person_id=person.id, kind=kind, starts_at=starts_at, ends_at=ends_at)
    )
