"""Commands over patients' portal access: one function and one transaction each."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from sqlalchemy import select

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity.patients import USERNAME_RULE
from services.contracts.spelling import login_key
from services.identity.credentials.passwords import set_password_hash
from services.identity.models import Account, Organisation
from services.identity.patients import enrolment
from services.identity.patients.models import PatientSettings
from services.identity.patients.queries import access_view, settings_view
from services.identity.realms import granting
from services.identity.realms.rules import PATIENT, login_space
from services.identity.registry.confirmation import require_confirmation
from services.identity.registry.organisations import load_organisation
from services.identity.registry.people import find_person
from services.identity.registry.usernames import has_username, is_username, set_username
from services.identity.secrets.calls import take_secret
from services.identity.secrets.password_rules import check_password
from services.identity.secrets.passwords import hash_password
from services.identity.sessions.proof import proven_caller


class PatientSettingsChanges(TypedDict, total=False):
    """What changes of the settings. What is left out stays."""

    enables_automatically: bool
    asks_address: bool
    asks_insurance: bool


def set_patient_settings(unit: UnitOfWork, **changes: Unpack[PatientSettingsChanges]) -> dict[str, Any]:
    """Set whether the patients whom staff add can use the portal at once (S3-28), and what the registration form asks.

    Raises Refused(version_conflict).
    """
    row = unit.session.scalar(select(PatientSettings).with_for_update())
    if row is None:
        row = PatientSettings(
            organisation_id=unit.organisation_id,
            enables_automatically=False,
            asks_address=True,
            asks_insurance=False,
            version=1,
        )
        unit.require_version(row)
        unit.add(row)
    else:
        unit.require_version(row)
    changed: dict[str, Any] = {name: value for name, value in changes.items() if getattr(row, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(row, name, value)
        row.version += 1
        unit.audit("patients.settings_changed", "organisation", str(unit.organisation_id), **changed)
    return settings_view(row)


def enable_patient_access(
    unit: UnitOfWork, *, person_id: str, attests_email_is_private: bool
) -> dict[str, Any]:
    """Patient Can Access Portal (S3-27, S3-31, S3-34). Raises Refused(not_found, not_a_patient, details_missing)."""
    person = enrolment.load_patient(unit, person_id)
    unit.honour_version(person)
    enrolment.require_details(person, "email", "postal_code")
    enrolment.require_attestation(attests_email_is_private)
    enrolment.enable(unit, person, is_attested=True, way="staff")
    return access_view(unit.session, person.id)


def disable_patient_access(unit: UnitOfWork, *, person_id: str) -> dict[str, Any]:
    """No Access to Portal (S3-27). Raises Refused(not_found, not_a_patient)."""
    person = enrolment.load_patient(unit, person_id)
    unit.honour_version(person)
    enrolment.disable(unit, person)
    return access_view(unit.session, person.id)


def invite_patient(unit: UnitOfWork, *, person_id: str) -> dict[str, Any]:
    """Send the invitation/reset e-mail (S3-37 to S3-39).

    Raises Refused(not_found, not_a_patient, access_not_enabled, details_missing).
    """
    person = enrolment.load_patient(unit, person_id)
    return {"invitation_id": enrolment.send_link(unit, person).id}


def check_username(unit: UnitOfWork, *, username: str, person_id: str | None) -> dict[str, Any]:
    """Whether a username is valid, and free for this person (S3-43)."""
    wanted = login_key(username)
    holder = unit.session.execute(
        select(Account.person_id).where(Account.login_space == login_space(PATIENT), Account.login == wanted)
    ).one_or_none()
    is_valid = is_username(wanted)
    is_own = holder is not None and person_id is not None and holder[0] == person_id
    return {
        "is_valid": is_valid,
        "is_available": is_valid and (holder is None or is_own),
        "rule": USERNAME_RULE,
    }


def set_credentials(call: Call) -> Any:
    """Manually set username and password (S3-43 to S3-46). The password is hashed before the transaction.

    Whoever sets them could sign in, so the caller must hold what patients do. Raises Refused(not_found, not_a_patient,
    right_not_held, access_not_enabled, details_missing, login_taken, password_refused).
    """
    password = take_secret(call, "password")
    with call.runtime.database.reading(call.organisation_id) as session:
        person = find_person(session, call.request["person_id"])
        organisation = session.scalars(
            select(Organisation).where(Organisation.id == call.organisation_id)
        ).one()
    names = (
        organisation.name,
        organisation.key,
        person.first_name,
        person.last_name,
        call.request["username"],
    )
    check_password(password, [name for name in names if name])
    return call.commit(_set_credentials, hash_password(password))


def _set_credentials(
    unit: UnitOfWork,
    password_hash: str,
    *,
    person_id: str,
    enable_access: bool,
    attests_email_is_private: bool,
    username: str | None,
    must_change: bool,
) -> dict[str, Any]:
    person = enrolment.load_patient(unit, person_id)
    granting.require_realm_held(unit, PATIENT, field="person_id")
    unit.honour_version(person)
    is_enabled = enrolment.open_access(unit, person) is not None
    if not is_enabled and enable_access:
        if person.email:
            enrolment.require_attestation(attests_email_is_private)
        enrolment.enable(
            unit,
            person,
            is_attested=bool(person.email and attests_email_is_private),
            way="manual_credentials",
        )
    account, _ = enrolment.require_access(unit, person)
    if username is not None:
        set_username(unit, account, username)
    elif not has_username(account.login):
        raise Refused(
            "details_missing",
            "username: none is on file, and the patient logs in with it.",
            field="username",
            missing=["username"],
        )
    set_password_hash(unit, load_organisation(unit), account, password_hash)
    account.must_change_password = must_change
    enrolment.record_of(unit, person).manual_credentials_set_at = unit.now
    unit.audit(
        "patient.credentials_set",
        "account",
        account.id,
        person_id=person.id,
        must_change=must_change,
    )
    unit.session.flush()
    return access_view(unit.session, person.id)


def change_patient_email(
    unit: UnitOfWork, *, person_id: str, email: str, confirm: bool, attests_email_is_private: bool
) -> dict[str, Any]:
    """Change a patient's e-mail. Once access is enabled that takes proof, confirmation and attestation (S3-35).

    Links go to the new address, so the caller must then hold what patients do. Raises Refused(not_found, not_a_patient,
    version_conflict, right_not_held, proof_required, confirmation_required, details_missing, login_taken).
    """
    person = enrolment.load_patient(unit, person_id)
    unit.require_version(person)
    found = enrolment.open_access(unit, person)
    if found is not None:
        granting.require_realm_held(unit, PATIENT, field="person_id")
        proven_caller(unit)
        require_confirmation(
            confirm, "The patient's portal links and resets go to the new address; the old one is told."
        )
        enrolment.require_attestation(attests_email_is_private)
    enrolment.change_email(unit, person, email)
    if found is not None:
        found[1].attested_by, found[1].attested_at = unit.actor_id, unit.now
    unit.session.flush()
    return access_view(unit.session, person.id)
