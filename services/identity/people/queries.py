"""Questions about people, within the session's organisation."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, false, or_, select
from sqlalchemy.orm import Session

from services.chassis.names import Wanted, has_word, named
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.spelling import FIRST, LAST, login_key, phone_keys, postal_code_key, search_key
from services.identity.employees.models import Applicant
from services.identity.family.models import ClientContact
from services.identity.models import (
    BY_NAME,
    PHONE_KEYS,
    Account,
    Person,
    PersonKind,
    PersonName,
    Role,
    is_of_kind,
)
from services.identity.realms import rules
from services.identity.registry.pages import page_of
from services.identity.registry.people import current_kinds, find_person, kinds_of

MOST_FOUND = 50


def person_line(person: Person, history: Sequence[PersonKind]) -> dict[str, Any]:
    """The members of the contract's PersonLine."""
    return {
        "id": person.id,
        "number": person.number,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "date_of_birth": person.date_of_birth,
        "kinds": current_kinds(history),
        "is_disabled": person.disabled_at is not None,
    }


def person_view(session: Session, person: Person) -> dict[str, Any]:
    """The members of the contract's PersonView."""
    history = kinds_of(session, [person.id])[person.id]
    return person_line(person, history) | {
        "version": person.version,
        "email": person.email,
        "street": person.street,
        "city": person.city,
        "postal_code": person.postal_code,
        "home_phone": person.home_phone,
        "mobile_phone": person.mobile_phone,
        "work_phone": person.work_phone,
        "insurer": person.insurer,
        "insurance_number": person.insurance_number,
        "applicant_department": _applicant_department(session, person, history),
        "field_sources": person.field_sources or {},
        "kind_history": history,
    }


def _applicant_department(session: Session, person: Person, history: Sequence[PersonKind]) -> str | None:
    if rules.APPLICANT not in current_kinds(history):
        return None
    return session.scalar(select(Applicant.department).where(Applicant.person_id == person.id))


def get_person(session: Session, _caller: Caller, *, person_id: str) -> dict[str, Any]:
    """One person, whole. Raises Refused(not_found)."""
    return person_view(session, find_person(session, person_id))


def list_people(
    session: Session,
    _caller: Caller,
    *,
    kind: str | None,
    number: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """People by last and first name. The cursor is a person's id: names do not belong in URLs."""
    statement = _of_kind(select(Person), kind)
    if number is not None:
        statement = statement.where(Person.number == number)
    page, following = page_of(session, statement, BY_NAME, Person.id, after=after, limit=limit)
    return {"items": _lines(session, page), "next": following}


def search_people(
    session: Session,
    _caller: Caller,
    *,
    number: str | None,
    first_name: str | None,
    last_name: str | None,
    date_of_birth: datetime.date | None,
    phone: str | None,
    postal_code: str | None,
    email: str | None,
    kind: str | None,
) -> dict[str, Any]:
    """People whose names have words that begin so, with this birthday, phone, postal code, e-mail and number.

    All are compared in any spelling. Raises Refused(invalid_request) if nothing is given.
    """
    names: list[Wanted] = []
    wanted: list[ColumnElement[bool]] = []
    for typed, part in ((last_name, LAST), (first_name, FIRST)):
        words = search_key(typed or "").split()
        names += [(word, part) for word in words]
        if typed is not None and not words:
            wanted.append(false())  # a name without a letter finds nobody
    if date_of_birth is not None:
        wanted.append(Person.date_of_birth == date_of_birth)
    if phone is not None:
        numbers = phone_keys(phone)
        wanted.append(or_(false(), *(getattr(Person, key).in_(numbers) for key in PHONE_KEYS if numbers)))
    if postal_code is not None:
        code = postal_code_key(postal_code)
        wanted.append(Person.postal_code_key == code if code else false())
    if email is not None:
        wanted.append(Person.email_key == login_key(email))
    if number is not None:
        wanted.append(Person.number == number)
    if not (names or wanted):
        raise Refused(
            "invalid_request",
            "last_name: give a name, a date of birth, a phone, a postal code, an e-mail or a number to look for.",
            field="last_name",
        )
    # Read the ids first, from an index alone: thousands of people share a common name, and only some are shown.
    order = (Person.last_name_key, Person.id)
    if wanted:
        with_names = (has_word(PersonName, Person.id, each) for each in names)
        found = _of_kind(select(Person.id), kind).where(*wanted, *with_names).order_by(*order)
    else:
        found = _of_kind(named(session, PersonName, names), kind, PersonName.owner_id)
    statement = select(Person).where(Person.id.in_(found.limit(MOST_FOUND))).order_by(*order)
    return {"items": _lines(session, session.scalars(statement).all())}


def _of_kind(statement: Select[Any], kind: str | None, person_id: Any = Person.id) -> Select[Any]:
    if kind is None:
        return statement
    return statement.where(is_of_kind(person_id, kind, utc_now()))


def _lines(session: Session, people: Sequence[Person]) -> list[dict[str, Any]]:
    history = kinds_of(session, [person.id for person in people])
    return [person_line(person, history[person.id]) for person in people]


def _reached(caller: Caller) -> list[dict[str, Any]]:
    """The profiles of the caller's passport."""
    return caller.scope.get("profiles", []) if caller.realm in rules.PORTAL_REALMS else []


def list_my_profiles(session: Session, caller: Caller) -> dict[str, Any]:
    """The profiles that the caller reaches, by name (S1-3, S1-21)."""
    roles = {each["person_id"]: each["role"] for each in _reached(caller)}
    named = session.execute(select(Role.code, Role.name).where(Role.realm == caller.realm)).all()
    names: dict[str, str | None] = {code: name for code, name in named}  # noqa: C416 - a row is no pair to mypy
    people = session.scalars(select(Person).where(Person.id.in_(roles)).order_by(*BY_NAME))
    own = caller.scope.get("person_id")
    return {
        "items": [
            {
                "person_id": person.id,
                "first_name": person.first_name,
                "last_name": person.last_name,
                "role": roles[person.id],
                "role_name": names.get(roles[person.id]) or roles[person.id],
            }
            for person in people
        ],
        "own_id": own if own in roles else None,
    }


def get_my_profile(session: Session, caller: Caller, *, person_id: str) -> dict[str, Any]:
    """A profile as the caller's role shows it (S1-15, S1-32). Raises Refused(not_found) for one that is not granted."""
    profile = next((each for each in _reached(caller) if each["person_id"] == person_id), None)
    if profile is None:
        raise Refused("not_found", "There is no such profile.")
    person = find_person(session, person_id)
    view = dict(profile)
    if "profile.view_demographics" in profile["permissions"]:
        view["demographics"] = person
    if "profile.view_contact_details" in profile["permissions"]:
        view["contact_details"] = person
    if "profile.view_contacts" in profile["permissions"]:
        view["contacts"] = [
            {"first_name": first_name, "last_name": last_name, "relation": relation}
            for first_name, last_name, relation in session.execute(
                select(Person.first_name, Person.last_name, ClientContact.relation)
                .join(Person, Person.id == ClientContact.contact_id)
                .where(ClientContact.client_id == person.id, ClientContact.disabled_at.is_(None))
                .order_by(Person.last_name, Person.id)
            )
        ]
    return view


def describe_people(session: Session, _caller: Caller, *, person_ids: list[str]) -> dict[str, Any]:
    """Names of people with their active accounts of portals, in two statements."""
    people = session.scalars(select(Person).where(Person.id.in_(person_ids))).all()
    accounts: dict[str, list[dict[str, str]]] = {each.id: [] for each in people}
    found = select(Account.id, Account.person_id, Account.realm).where(
        Account.person_id.in_(accounts), Account.state == "active", Account.realm.in_(rules.PORTAL_REALMS)
    )
    for row in session.execute(found.order_by(Account.id)):
        accounts[row.person_id].append({"account_id": row.id, "realm": row.realm})
    named = ("first_name", "last_name")
    return {
        "items": [
            {
                "person_id": each.id,
                **{name: getattr(each, name) for name in named},
                "accounts": accounts[each.id],
            }
            for each in people
        ]
    }
