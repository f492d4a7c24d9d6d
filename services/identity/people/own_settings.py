"""What people may edit of their own record in a portal (S2-130)."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.credentials.invitations import invite
from services.identity.credentials.rules import VERIFY_EMAIL
from services.identity.employees import rules
from services.identity.employees.entry import entry_of
from services.identity.models import Person
from services.identity.patients import enrolment
from services.identity.people.handlers import require_not_merged
from services.identity.people.models import Preferences
from services.identity.realms.rules import APPLICANT, EMPLOYEE, PATIENT
from services.identity.registry.actors import caller_of
from services.identity.registry.people import find_person, load_person

REALMS = (PATIENT, EMPLOYEE, APPLICANT)
OWN = "self"
SEE_DETAILS = "profile.view_contact_details"


def _own_id(caller: Caller) -> str:
    """The id of the caller's own person, if the caller may see it in the portal. Raises Refused(not_found)."""
    if caller.realm in REALMS:
        own = caller.scope.get("person_id")
        for profile in caller.scope.get("profiles", []):
            if profile["person_id"] == own and SEE_DETAILS in profile["permissions"]:
                return str(own)
    raise Refused("not_found", "You have no record of your own here.")


def get_mine(session: Session, caller: Caller) -> dict[str, Any]:
    """The caller's own settings. Raises Refused(not_found)."""
    person = find_person(session, _own_id(caller))
    return _view(session, person, entry_of(session, str(caller.organisation_id), caller.realm or ""))


def describe_own_settings(session: Session, caller: Caller, *, person_id: str, realm: str) -> dict[str, Any]:
    """A person's own settings, and what people of a realm may change. Raises Refused(not_found)."""
    entry = entry_of(session, str(caller.organisation_id), realm)
    return _view(session, find_person(session, person_id), entry)


def _preferences(session: Session, person_id: str) -> Preferences | None:
    row: Preferences | None = session.scalar(select(Preferences).where(Preferences.person_id == person_id))
    return row


def _view(session: Session, person: Person, entry: rules.Entry) -> dict[str, Any]:
    row = _preferences(session, person.id)
    values = {
        name: getattr(row if name in rules.PREFERENCES else person, name, None)
        for name in rules.EDITABLE_FIELDS
    }
    sources = {name: source for name, source in (person.field_sources or {}).items() if name in values}
    allowed = {
        "editable_fields": list(entry.editable_fields),
        "changes_are_requests": entry.changes_are_requests,
    }
    return values | allowed | {"sources": sources}


class OwnChanges(TypedDict, total=False):
    """What changes of a person's own record. What is left out stays."""

    email: str | None
    home_phone: str | None
    mobile_phone: str | None
    security_question: str | None
    preferred_language: str | None
    preferred_time_zone: str | None
    preferred_pharmacy: str | None


def edit_mine(unit: UnitOfWork, **changes: Unpack[OwnChanges]) -> dict[str, Any]:
    """Edit the caller's own record. A feed that owns a field overwrites it at its next run (S2-131).

    Another e-mail takes a fresh proof. A patient's links go to the e-mail, so the
    former address is told (S3-35).
    Raises Refused(not_found, field_not_editable, proof_required, login_taken, invalid_request).
    """
    caller = caller_of(unit)
    person = load_person(unit, _own_id(caller))
    entry = entry_of(unit.session, str(unit.organisation_id), caller.realm or "")
    rules.require_editable(changes.keys(), entry)
    if "email" in changes and changes["email"] != person.email:
        caller.require_proof()
    _save(unit, person, caller.realm or "", changes)
    return _view(unit.session, person, entry)


def accept_own_settings(
    unit: UnitOfWork, *, person_id: str, realm: str, **changes: Unpack[OwnChanges]
) -> dict[str, Any]:
    """Put what a person has asked for into their record. Whoever asked has proved to be that person.

    Raises Refused(not_found, already_merged, login_taken, invalid_request).
    """
    person = load_person(unit, person_id)
    require_not_merged(unit, person)
    _save(unit, person, realm, changes)
    return {"person_id": person.id}


def _save(unit: UnitOfWork, person: Person, realm: str, changes: OwnChanges) -> None:
    if realm == PATIENT and "email" in changes and changes["email"] != person.email:
        _change_patient_email(unit, person, changes["email"])
    row = _preferences(unit.session, person.id)
    if row is None:
        row = unit.add(Preferences(id=wire.new_id(), person_id=person.id))
    changed = []
    sources = dict(person.field_sources or {})
    for name, value in changes.items():
        owner = row if name in rules.PREFERENCES else person
        if getattr(owner, name) != value:
            setattr(owner, name, value)
            changed.append(name)
            if owner is person:
                sources[name] = OWN
    if changed:
        person.field_sources = sources
        person.version += 1
        unit.audit("person.changed", "person", person.id, members=sorted(changed), source=OWN)
    unit.session.flush()


def _change_patient_email(unit: UnitOfWork, person: Person, email: str | None) -> None:
    """Change the address of a patient's links. What staff have attested of the former one does not hold for it.

    A link that verifies it goes there: until then, most messages to the patient are suppressed (S0-43).
    """
    if email is None:
        raise Refused(
            "invalid_request",
            "email: links to the portal go there; enter another one instead.",
            field="email",
        )
    enrolment.change_email(unit, person, email)
    found = enrolment.open_access(unit, person)
    if found is not None:
        account, grant = found
        grant.attested_by = grant.attested_at = None
        invite(unit, account, VERIFY_EMAIL)
