"""Commands over people: one function and one transaction each."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Unpack

from sqlalchemy import ColumnElement, or_, select

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused, lacking
from services.identity.credentials.invitations import void_links
from services.identity.credentials.login_changes import change_login_email
from services.identity.employees.automatic import open_when_registered, reopen_account
from services.identity.family.contacts import MANAGE_ACCESS
from services.identity.merging.models import PersonMerge
from services.identity.models import Account, Grant, Person, PersonKind
from services.identity.patients import enrolment
from services.identity.people.endings import close_ended, end_access
from services.identity.people.queries import person_view
from services.identity.realms import granting, rules
from services.identity.registry.accounts import find_portal_account, name_accounts
from services.identity.registry.people import (
    PersonMembers,
    add_kind,
    add_person,
    is_being_erased,
    kinds_of,
    load_person,
)
from services.identity.registry.rules import check_span, is_in_effect
from services.identity.relationships.grants import revoke
from services.identity.sessions.handlers import end_sessions, void_mail_links


def create_person(
    unit: UnitOfWork, *, number: str | None, kinds: list[str], **known: Unpack[PersonMembers]
) -> dict[str, Any]:
    """Add a person. Raises Refused(number_taken)."""
    person = add_person(unit, number, kinds, **known)
    if rules.PATIENT in kinds:
        enrolment.added(unit, person)
    open_when_registered(unit, person, kinds)
    return person_view(unit.session, person)


def edit_person(unit: UnitOfWork, *, person_id: str, **changes: Unpack[PersonMembers]) -> dict[str, Any]:
    """Change what is known of a person. The log-in of a Family Portal account follows the e-mail (S1-20).

    Raises Refused(not_found, already_merged, version_conflict, login_taken,
    forbidden where the caller may not read people, or where a log-in would change and the caller may not manage access,
    invalid_request where an e-mail that is a log-in would be removed).
    """
    person = load_person(unit, person_id)
    require_not_merged(unit, person)
    unit.require_version(person)
    values: Mapping[str, Any] = {**changes}
    changed = [member for member, value in values.items() if getattr(person, member) != value]
    if not changed:
        return _answer(unit, person)
    account = find_portal_account(unit, rules.FAMILY, person.id) if "email" in changed else None
    if "email" in changed:
        enrolment.check_edit(unit, person, changes["email"])
    for member in changed:
        if account is None or member != "email":
            setattr(person, member, values[member])
    if account is None:
        person.version += 1
    else:
        _change_login(unit, person, account, changes["email"])
    if not {"first_name", "last_name"}.isdisjoint(changed):
        name_accounts(unit, person)
    unit.audit("person.changed", "person", person.id, members=changed)
    return _answer(unit, person)


def require_not_merged(unit: UnitOfWork, person: Person) -> None:
    """Raise Refused(already_merged), which names the record to use: nobody would read a change of a merged one."""
    if person.disabled_at is None:
        return
    kept_id = _merge_of(unit, person)
    if kept_id is not None:
        raise Refused(
            "already_merged",
            "This record was merged into another one: use that one.",
            field="person_id",
            kept_id=kept_id,
        )


def _merge_of(unit: UnitOfWork, person: Person) -> str | None:
    """The record that this one was merged into."""
    kept_id: str | None = unit.session.scalar(
        select(PersonMerge.kept_id).where(PersonMerge.merged_id == person.id, PersonMerge.undone_at.is_(None))
    )
    return kept_id


def _require_accounts_held(unit: UnitOfWork, person: Person, *which: ColumnElement[bool]) -> None:
    """Raise Refused(right_not_held) unless the caller holds what the person's accounts may do, or `which` of them."""
    found = unit.session.scalars(select(Account).where(Account.person_id == person.id, *which))
    for account in found.all():
        granting.require_account_held(unit, account, field="person_id")


def _answer(unit: UnitOfWork, person: Person) -> dict[str, Any]:
    """The whole record. Raises Refused(forbidden) where the caller may not read people: the change shows it, too."""
    if unit.caller is None or not unit.caller.may(rules.READ_PEOPLE):
        raise lacking(rules.READ_PEOPLE, "The answer shows the person's record.")
    return person_view(unit.session, person)


def _change_login(unit: UnitOfWork, person: Person, account: Account, email: str | None) -> None:
    if unit.caller is None or not unit.caller.may(MANAGE_ACCESS):
        raise lacking(MANAGE_ACCESS, "This e-mail is a log-in to the Family Portal.", "email")
    if email is None:
        raise Refused(
            "invalid_request",
            "email: it is a log-in to the Family Portal; remove that access first.",
            field="email",
        )
    change_login_email(unit, person, account, email)


def start_person_kind(
    unit: UnitOfWork,
    *,
    person_id: str,
    kind: str,
    starts_at: datetime.datetime | None,
    ends_at: datetime.datetime | None,
) -> dict[str, Any]:
    """Make a person one of a kind, from now or `starts_at` on, unless they are at that time.

    Whose account it opens must be held. Raises Refused(not_found, right_not_held, forbidden).
    """
    person = load_person(unit, person_id)
    unit.honour_version(person)
    close_ended(unit, person)
    begins_at = starts_at or unit.now
    check_span(begins_at, ends_at, unit.now)
    history = kinds_of(unit.session, [person.id])[person.id]
    if not any(row.kind == kind and is_in_effect(row.starts_at, row.ends_at, begins_at) for row in history):
        add_kind(unit, person, kind, begins_at, ends_at)
        person.version += 1
        unit.audit("person.kind_started", "person", person.id, kind=kind)
        unit.session.flush()
        open_when_registered(unit, person, [kind])
        if kind == rules.EMPLOYEE and begins_at <= unit.now:
            reopen_account(unit, person)
        if kind == rules.PATIENT and begins_at <= unit.now:
            enrolment.added(unit, person)
        if kind in (rules.EMPLOYEE, rules.PATIENT):
            _require_accounts_held(unit, person, Account.realm == kind)
    return _answer(unit, person)


def end_person_kind(unit: UnitOfWork, *, person_id: str, kind: str, confirm: bool) -> dict[str, Any]:
    """End a kind of a person now, and the access to portals that rests on it, which `confirm` must confirm.

    With a discharged client ends the access of the family to the client's profile, with a patient the patient's own, and
    with an employee the account, which must be held. Raises Refused(not_found, confirmation_required, right_not_held,
    forbidden).
    """
    person = load_person(unit, person_id)
    unit.honour_version(person)
    rows = unit.session.scalars(
        select(PersonKind).where(
            PersonKind.person_id == person.id,
            PersonKind.kind == kind,
            or_(PersonKind.ends_at.is_(None), PersonKind.ends_at > unit.now),
        )
    ).all()
    for row in rows:
        row.end(unit.now)
    if rows:
        person.version += 1
        unit.audit("person.kind_ended", "person", person.id, kind=kind)
        unit.session.flush()
        if kind in (rules.EMPLOYEE, rules.PATIENT):
            _require_accounts_held(unit, person, Account.realm == kind)
        end_access(unit, person, kind, confirm=confirm)
    return _answer(unit, person)


def enable_person(unit: UnitOfWork, *, person_id: str) -> dict[str, Any]:
    """Enable a disabled person again. The access that ended stays ended: staff give it anew.

    Raises Refused(not_found, already_merged, version_conflict, right_not_held, forbidden), Refused(cannot_be_enabled) for one
    who is being erased.
    """
    person = load_person(unit, person_id)
    require_not_merged(unit, person)
    unit.require_version(person)
    if person.disabled_at is not None:
        if is_being_erased(unit.session, person.id):
            raise Refused("cannot_be_enabled", "This person is being erased.", field="person_id")
        _require_accounts_held(unit, person)
        person.disabled_at = None
        person.version += 1
        unit.audit("person.enabled", "person", person.id)
    return _answer(unit, person)


def disable_person(unit: UnitOfWork, *, person_id: str) -> dict[str, Any]:
    """Disable a person: nobody reaches the profile any more, and the person reaches nobody's, from the next request on.

    A merged record, too, that undoing the merge would enable. Raises Refused(not_found, version_conflict, right_not_held,
    forbidden).
    """
    person = load_person(unit, person_id)
    unit.require_version(person)
    if person.disabled_at is None or _merge_of(unit, person) is not None:
        _require_accounts_held(unit, person)
        disable(unit, person)
    return _answer(unit, person)


def disable(unit: UnitOfWork, person: Person) -> None:
    """End all access to a person's profile and all that the person's accounts reach. A step inside a transaction."""
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
        void_mail_links(unit, account_id)
