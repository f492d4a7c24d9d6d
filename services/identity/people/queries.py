"""Questions about people, within the session's organisation."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, false, or_, select
from sqlalchemy.orm import Session

from services.chassis.database import begins_with
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.spelling import phone_key, postal_code_key, search_key
from services.identity.family.models import ClientContact
from services.identity.models import BY_NAME, PHONE_KEYS, Person, PersonKind, is_of_kind
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
        "field_sources": person.field_sources or {},
        "kind_history": history,
    }


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
    first_name: str | None,
    last_name: str | None,
    date_of_birth: datetime.date | None,
    phone: str | None,
    postal_code: str | None,
    kind: str | None,
) -> dict[str, Any]:
    """People whose names begin with these, born on that day, with one of their phones or the postal code, in any spelling.

    Raises Refused(invalid_request) if nothing is given.
    """
    wanted = []
    if last_name is not None:
        wanted.append(_begins(Person.last_name_key, last_name))
    if first_name is not None:
        wanted.append(_begins(Person.first_name_key, first_name))
    if date_of_birth is not None:
        wanted.append(Person.date_of_birth == date_of_birth)
    if phone is not None:
        number = phone_key(phone)
        wanted.append(or_(*(getattr(Person, key) == number for key in PHONE_KEYS)) if number else false())
    if postal_code is not None:
        code = postal_code_key(postal_code)
        wanted.append(Person.postal_code_key == code if code else false())
    if not wanted:
        raise Refused(
            "invalid_request",
            "last_name: give a name, a date of birth, a phone or a postal code to look for.",
            field="last_name",
        )
    # Read the ids first, from an index alone: thousands of people share a common name, and only some are shown.
    order = (Person.last_name_key, Person.id)
    found = _of_kind(select(Person.id), kind).where(*wanted).order_by(*order).limit(MOST_FOUND)
    statement = select(Person).where(Person.id.in_(found)).order_by(*order)
    return {"items": _lines(session, session.scalars(statement).all())}


def _begins(key: Any, typed: str) -> ColumnElement[bool]:
    beginning = search_key(typed)
    return begins_with(key, beginning) if beginning else false()


def _of_kind(statement: Select[Any], kind: str | None) -> Select[Any]:
    if kind is None:
        return statement
    return statement.where(is_of_kind(Person.id, kind, utc_now()))


def _lines(session: Session, people: Sequence[Person]) -> list[dict[str, Any]]:
    history = kinds_of(session, [person.id for person in people])
    return [person_line(person, history[person.id]) for person in people]


def get_my_profile(session: Session, caller: Caller, *, person_id: str) -> dict[str, Any]:
    """A profile as the caller's role shows it (S1-15, S1-32). Raises Refused(not_found) for one that is not granted."""
    profiles = caller.scope.get("profiles", []) if caller.realm in rules.PORTAL_REALMS else []
    profile = next((each for each in profiles if each["person_id"] == person_id), None)
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
