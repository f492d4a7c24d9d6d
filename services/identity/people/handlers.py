"""Commands over people and their contacts: one function, one transaction each."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.credentials import end_sessions, void_links
from services.identity.employees.automatic import open_when_registered
from services.identity.merging.models import PersonMerge
from services.identity.models import Account, Grant, Person, PersonKind
from services.identity.patients import enrolment
from services.identity.people import rules
from services.identity.people.accounts import (
    change_login_email,
    find_portal_account,
    load_person,
    name_accounts,
)
from services.identity.people.grants import revoke
from services.identity.people.models import ClientContact
from services.identity.people.queries import (
    MANAGE_ACCESS,
    contact_view,
    current_kinds,
    find_person,
    kinds_of,
    person_view,
)

Request = Mapping[str, Any]
MEMBERS = (
    "first_name",
    "last_name",
    "date_of_birth",
    "email",
    "street",
    "city",
    "postal_code",
    "home_phone",
    "mobile_phone",
    "work_phone",
)
NUMBER_DIGITS = 9


def create_person(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Add a person. Raises Refused(number_taken)."""
    person = add_person(
        unit,
        request["number"],
        request["kinds"],
        **{member: request[member] for member in MEMBERS if member in request},
    )
    if rules.PATIENT in request["kinds"]:
        enrolment.added(unit, person)
    open_when_registered(unit, person, request["kinds"])
    return person_view(unit.session, person)


def add_person(unit: UnitOfWork, number: str | None, kinds: list[str], **members: Any) -> Person:
    """Add a person of these kinds from now on. Without a number a free one is drawn. Raises Refused(number_taken)."""
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
    # Drawn, not counted: a number that follows another would tell how many people there are, and counting waits.
    while True:
        number = f"P{secrets.randbelow(10**NUMBER_DIGITS):0{NUMBER_DIGITS}d}"
        if unit.session.scalar(select(Person.id).where(Person.number == number)) is None:
            return number


def edit_person(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Change what is known of a person. The log-in of a Family Portal account follows the e-mail (S1-20).

    Raises Refused(not_found, already_merged, version_conflict, login_taken), forbidden where a log-in would change and the caller may
    not manage access, invalid_request where an e-mail that is a log-in would be taken away.
    """
    person = load_person(unit, request["person_id"])
    _require_not_merged(unit, person)
    unit.require_version(person)
    changed = [
        member for member in MEMBERS if member in request and getattr(person, member) != request[member]
    ]
    if not changed:
        return person_view(unit.session, person)
    account = find_portal_account(unit, rules.FAMILY, person.id) if "email" in changed else None
    if "email" in changed:
        enrolment.check_edit(unit, person, request["email"])
    for member in changed:
        if account is None or member != "email":
            setattr(person, member, request[member])
    if account is None:
        person.version += 1
    else:
        _change_login(unit, person, account, request["email"])
    if not {"first_name", "last_name"}.isdisjoint(changed):
        name_accounts(unit, person)
    unit.audit("person.changed", "person", person.id, members=changed)
    return person_view(unit.session, person)


def _require_not_merged(unit: UnitOfWork, person: Person) -> None:
    """What is written on a merged record nobody reads. Raises Refused(already_merged), which names the one to use."""
    if person.disabled_at is None:
        return
    kept_id = unit.session.scalar(
        select(PersonMerge.kept_id).where(PersonMerge.merged_id == person.id, PersonMerge.undone_at.is_(None))
    )
    if kept_id is not None:
        raise Refused(
            "already_merged",
            "This record was merged into another one: use that one.",
            field="person_id",
            kept_id=kept_id,
        )


def _change_login(unit: UnitOfWork, person: Person, account: Account, email: str | None) -> None:
    if unit.caller is None or not unit.caller.may(MANAGE_ACCESS):
        raise Refused(
            "forbidden",
            f"This e-mail is a log-in to the Family Portal: changing it takes {MANAGE_ACCESS}.",
            field="email",
        )
    if email is None:
        raise Refused(
            "invalid_request",
            "email: it is a log-in to the Family Portal; remove that access first.",
            field="email",
        )
    change_login_email(unit, person, account, email)


def start_person_kind(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Say what a person is, from a time on. What the person is at that time already stays one. Raises Refused(not_found)."""
    person = load_person(unit, request["person_id"])
    starts_at = request["starts_at"] or unit.now
    rules.check_span(starts_at, request["ends_at"], unit.now)
    history = kinds_of(unit.session, [person.id])[person.id]
    if not any(
        row.kind == request["kind"] and rules.is_in_effect(row.starts_at, row.ends_at, starts_at)
        for row in history
    ):
        add_kind(unit, person, request["kind"], starts_at, request["ends_at"])
        person.version += 1
        unit.audit("person.kind_started", "person", person.id, kind=request["kind"])
        unit.session.flush()
        open_when_registered(unit, person, [request["kind"]])
        if request["kind"] == rules.PATIENT and starts_at <= unit.now:
            enrolment.added(unit, person)
    return person_view(unit.session, person)


def end_person_kind(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """The person is this no longer. Raises Refused(not_found)."""
    person = load_person(unit, request["person_id"])
    rows = unit.session.scalars(
        select(PersonKind).where(
            PersonKind.person_id == person.id,
            PersonKind.kind == request["kind"],
            or_(PersonKind.ends_at.is_(None), PersonKind.ends_at > unit.now),
        )
    ).all()
    for row in rows:
        row.ends_at = max(unit.now, row.starts_at)
    if rows:
        person.version += 1
        unit.audit("person.kind_ended", "person", person.id, kind=request["kind"])
        unit.session.flush()
    return person_view(unit.session, person)


def disable_person(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Disable a person: nobody reaches the profile any more, and the person reaches nobody's, from the next request on.

    Raises Refused(not_found, version_conflict).
    """
    person = load_person(unit, request["person_id"])
    unit.require_version(person)
    if person.disabled_at is None:
        person.disabled_at = unit.now
        person.version += 1
        unit.audit("person.disabled", "person", person.id)
        accounts = unit.session.scalars(
            select(Account.id).where(Account.person_id == person.id).with_for_update(of=Account)
        ).all()
        for grant in unit.session.scalars(
            select(Grant)
            .where(
                or_(Grant.person_id == person.id, Grant.account_id.in_(accounts)),
                Grant.revoked_at.is_(None),
            )
            .with_for_update()
        ).all():
            revoke(unit, grant, "person_disabled")
        for account_id in accounts:
            end_sessions(unit, account_id, "person_disabled")
            void_links(unit, account_id)
    return person_view(unit.session, person)


def add_kind(unit: UnitOfWork, person: Person, kind: str, starts_at: Any, ends_at: Any) -> None:
    """Note what a person is, from when, and until when."""
    unit.add(
        PersonKind(id=wire.new_id(), person_id=person.id, kind=kind, starts_at=starts_at, ends_at=ends_at)
    )


def require_client(unit: UnitOfWork, person: Person) -> None:
    """Raise Refused(not_a_client) unless the person is a client now: a discharged one is not (I-2)."""
    if (
        "client" not in current_kinds(kinds_of(unit.session, [person.id])[person.id])
        or person.disabled_at is not None
    ):
        raise Refused("not_a_client", "This person is not a client now.", field="client_id")


def add_client_contact(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Make a person a contact of a client (S1-2); a disabled contact is one again.

    Raises Refused(not_found, not_a_client, conflict).
    """
    client = load_person(unit, request["client_id"])
    person = find_person(unit.session, request["contact_id"], "contact_id")
    require_client(unit, client)
    if person.id == client.id:
        raise Refused("conflict", "A client is not the own contact.", field="contact_id")
    if person.disabled_at is not None:
        raise Refused(
            "conflict",
            "The person's record is disabled or was merged into another one: use that one.",
            field="contact_id",
        )
    contact = find_contact(unit, client.id, person.id)
    if contact is not None and contact.disabled_at is None:
        raise Refused("conflict", "The person is a contact of this client already.", field="contact_id")
    if contact is None:
        contact = ClientContact(
            id=wire.new_id(),
            client_id=client.id,
            contact_id=person.id,
            relation=request["relation"],
            created_at=unit.now,
            version=1,
        )
        unit.add(contact)
    else:
        contact.relation, contact.disabled_at = request["relation"], None
        contact.version += 1
    unit.session.flush()
    unit.audit("contact.added", "client_contact", contact.id, person_id=client.id, contact_id=person.id)
    return contact_view(unit.session, unit.caller, contact)


def find_contact(unit: UnitOfWork, client_id: str, contact_id: str) -> ClientContact | None:
    """The row that makes a person a contact of a client, locked; it may be disabled."""
    contact: ClientContact | None = unit.session.scalar(
        select(ClientContact)
        .where(ClientContact.client_id == client_id, ClientContact.contact_id == contact_id)
        .with_for_update()
    )
    return contact


def disable_client_contact(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Disable a contact of a client; its access to this client's profile ends with it, once that is confirmed (S1-40).

    Raises Refused(not_found, version_conflict, confirmation_required).
    """
    contact = find_contact(unit, request["client_id"], request["contact_id"])
    if contact is None:
        raise Refused("not_found", "The client has no such contact.")
    unit.require_version(contact)
    if contact.disabled_at is not None:
        return contact_view(unit.session, unit.caller, contact)
    grant = unit.session.scalar(
        select(Grant)
        .join(Account, Account.id == Grant.account_id)
        .where(
            Account.person_id == contact.contact_id,
            Account.realm == rules.FAMILY,
            Grant.person_id == contact.client_id,
            Grant.revoked_at.is_(None),
        )
        .with_for_update(of=Grant)
    )
    if grant is not None:
        require_confirmation(
            request, "The contact's access to this client's Family Portal profile ends with it."
        )
        revoke(unit, grant, "contact_disabled")
    contact.disabled_at = unit.now
    contact.version += 1
    unit.audit(
        "contact.disabled",
        "client_contact",
        contact.id,
        person_id=contact.client_id,
        contact_id=contact.contact_id,
        access_ended=grant is not None,
    )
    unit.session.flush()
    return contact_view(unit.session, unit.caller, contact)


def require_confirmation(request: Request, consequence: str) -> None:
    """Raise Refused(confirmation_required), which says what will happen, unless the request confirms it."""
    if not request["confirm"]:
        raise Refused("confirmation_required", f"{consequence} Send confirm=true to go on.", field="confirm")
