"""Questions about people: they only read, within the session's organisation."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.identity.family.models import ClientContact
from services.identity.models import BY_NAME, Person, PersonKind
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


def list_people(session: Session, _caller: Caller, request: Mapping[str, Any]) -> dict[str, Any]:
    """People by last and first name. The cursor is a person's id: names do not belong into addresses."""
    statement = _of_kind(select(Person), request["kind"])
    if request["number"] is not None:
        statement = statement.where(Person.number == request["number"])
    page, following = page_of(session, statement, BY_NAME, Person.id, request)
    return {"items": _lines(session, page), "next": following}


def search_people(session: Session, _caller: Caller, request: Mapping[str, Any]) -> dict[str, Any]:
    """People whose names begin so, or who were born on that day. Raises Refused(invalid_request) without anything."""
    first_name, last_name = request["first_name"], request["last_name"]
    wanted = []
    if last_name is not None:
        wanted.append(_begins(session, BY_NAME[0], last_name))
    if first_name is not None:
        # Beside a last name it is compared in the index of both; alone it has an index of its own.
        column = func.lower(Person.first_name) if last_name is None else BY_NAME[1]
        wanted.append(_begins(session, column, first_name))
    if request["date_of_birth"] is not None:
        wanted.append(Person.date_of_birth == request["date_of_birth"])
    if not wanted:
        raise Refused(
            "invalid_request", "last_name: give a name or a date of birth to look for.", field="last_name"
        )
    # The ids first, from an index alone: a common name has thousands of people, and only some are shown.
    order = (func.lower(Person.last_name), Person.id)
    found = _of_kind(select(Person.id), request["kind"]).where(*wanted).order_by(*order).limit(MOST_FOUND)
    statement = select(Person).where(Person.id.in_(found)).order_by(*order)
    return {"items": _lines(session, session.scalars(statement).all())}


def _begins(session: Session, lowered: Any, beginning: str) -> ColumnElement[bool]:
    """Whether a text in lower case begins so.

    The bounds say nothing new, but where in an index to look: a beginning sorts before what begins so in every locale;
    the upper bound holds only bytewise, as SQLite compares. PostgreSQL has an index of patterns besides.
    """
    text = beginning.lower()
    bounds = [lowered >= text]
    if session.get_bind().dialect.name == "sqlite":
        bounds.append(lowered < text + chr(sys.maxunicode))
    return and_(*bounds, lowered.startswith(text, autoescape=True))


def _of_kind(statement: Select[Any], kind: str | None) -> Select[Any]:
    if kind is None:
        return statement
    now = utc_now()
    holds = and_(
        PersonKind.starts_at <= now,
        or_(PersonKind.ends_at.is_(None), PersonKind.ends_at > now),
    )
    return statement.where(exists().where(PersonKind.person_id == Person.id, PersonKind.kind == kind, holds))


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
