"""Enrolment of patients in the portal: opening access, ending it, another e-mail. Steps inside a transaction."""

from __future__ import annotations

from sqlalchemy import select

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.accounts import state
from services.identity.credentials.invitations import invite, invite_unless_often, purpose_for, void_links
from services.identity.credentials.login_changes import set_login_email
from services.identity.credentials.models import Invitation
from services.identity.models import Account, Grant, Person
from services.identity.patients.models import PatientRecord, PatientSettings
from services.identity.realms.rules import PATIENT
from services.identity.registry.accounts import add_portal_account, find_portal_account
from services.identity.registry.people import current_kinds, kinds_of, load_person
from services.identity.registry.usernames import no_username
from services.identity.relationships.grants import find_open, open_grant, revoke, role_of
from services.identity.relationships.handlers import relate

ROLE = "patient"
BY_STAFF, REGISTERED = "staff", "registered"


def load_patient(unit: UnitOfWork, person_id: str) -> Person:
    """The patient, locked until the transaction ends. Raises Refused(not_found, not_a_patient)."""
    person = load_person(unit, person_id)
    require_patient(unit, person)
    return person


def require_patient(unit: UnitOfWork, person: Person) -> None:
    """Raise Refused(not_a_patient) unless the person is a patient now."""
    kinds = current_kinds(kinds_of(unit.session, [person.id])[person.id])
    if "patient" not in kinds or person.disabled_at is not None:
        raise not_a_patient()


def not_a_patient() -> Refused:
    """The refusal for a person who is not a patient now."""
    return Refused("not_a_patient", "This person is not a patient now.", field="person_id")


def record_of(unit: UnitOfWork, person: Person, origin: str = BY_STAFF) -> PatientRecord:
    """The patient's record of enrolment, made now with this origin where there is none."""
    record: PatientRecord | None = unit.session.scalar(
        select(PatientRecord).where(PatientRecord.person_id == person.id)
    )
    if record is None:
        record = PatientRecord(person_id=person.id, origin=origin)
        unit.add(record)
        unit.session.flush()
    return record


def open_account(unit: UnitOfWork, person: Person) -> Account:
    """The patient's portal account, made now where there is none: it has no username and reaches nothing yet.

    Raises Refused(login_taken, invalid_request) where the organisation lets patients log in with their e-mail.
    """
    account = find_portal_account(unit, PATIENT, person.id)
    if account is None:
        account = add_portal_account(
            unit, PATIENT, person, login=no_username(wire.new_id()), email=person.email
        )
    return account


def open_access(unit: UnitOfWork, person: Person) -> tuple[Account, Grant] | None:
    """The account and grant of a patient whose access is enabled, None where it is not."""
    account = find_portal_account(unit, PATIENT, person.id)
    grant = find_open(unit, account.id, person.id) if account is not None else None
    if account is None or grant is None or account.state == "disabled":
        return None
    return account, grant


def require_access(unit: UnitOfWork, person: Person) -> tuple[Account, Grant]:
    """As `open_access`. Raises Refused(access_not_enabled)."""
    found = open_access(unit, person)
    if found is None:
        raise Refused("access_not_enabled", "Portal access is not enabled for this patient: enable it first.")
    return found


def require_details(person: Person, *members: str) -> None:
    """Raise Refused(details_missing), which names the first missing field, unless these are on file (S3-31)."""
    missing = [member for member in members if not getattr(person, member)]
    if missing:
        raise Refused(
            "details_missing",
            f"{', '.join(missing)}: not on file. Add it to the patient's record first.",
            field=missing[0],
            missing=missing,
        )


def require_attestation(is_attested: bool) -> None:
    """Raise Refused(details_missing) unless the caller says that only the patient reads the e-mail (S3-34)."""
    if not is_attested:
        raise Refused(
            "details_missing",
            "Verify with the patient that nobody else reads this e-mail, and tick that you have.",
            field="attests_email_is_private",
            missing=["attests_email_is_private"],
        )


def enable(unit: UnitOfWork, person: Person, *, is_attested: bool, way: str) -> Account:
    """Let the patient use the portal. Where access is enabled already, only a new attestation is noted.

    `way` is noted in the audit trail: staff, automatic, email_verified, manual_credentials, job.
    """
    record_of(unit, person)
    account = open_account(unit, person)
    grant = find_open(unit, account.id, person.id)
    is_new = grant is None or account.state == "disabled"
    if account.state == "disabled":
        account.state = account.state_once_enabled
        account.version += 1
    if grant is None:
        relate(unit, account, person, "self", "patient_access")
        grant = open_grant(unit, account, person, role_of(unit, PATIENT, ROLE))
    if is_attested:
        attest(unit, person, grant, way=way)
    elif is_new:
        _note_enabled(unit, person, account.id, way, is_attested=False)
    unit.session.flush()
    return account


def attest(unit: UnitOfWork, person: Person, grant: Grant, *, way: str) -> None:
    """Note on the grant who attests that only the patient reads the e-mail (S3-34). A renewal is a new attestation."""
    record_of(unit, person)
    grant.attested_by, grant.attested_at = unit.actor_id, unit.now
    _note_enabled(unit, person, grant.account_id, way, is_attested=True)
    unit.session.flush()


def _note_enabled(unit: UnitOfWork, person: Person, account_id: str, way: str, *, is_attested: bool) -> None:
    unit.audit(
        "patient.access_enabled",
        "account",
        account_id,
        person_id=person.id,
        way=way,
        is_attested=is_attested,
    )


def disable(unit: UnitOfWork, person: Person) -> None:
    """No Access to Portal: the grant, sessions and links end. The password is kept, should access be enabled again."""
    account = find_portal_account(unit, PATIENT, person.id)
    if account is None:
        return
    grant = find_open(unit, account.id, person.id)
    if grant is not None:
        revoke(unit, grant, "access_disabled")
    if account.state == "disabled":
        return
    state.disable(unit, account)
    unit.audit("patient.access_disabled", "account", account.id, person_id=person.id)
    unit.session.flush()


def send_link(unit: UnitOfWork, person: Person) -> Invitation:
    """Send the invitation/reset e-mail to the address on file for staff. What was sent before is void (S1-17).

    Raises Refused(access_not_enabled, details_missing).
    """
    account, _ = require_access(unit, person)
    require_details(person, "email")
    void_links(unit, account.id)
    return invite(unit, account, purpose_for(account))


def send_asked_link(unit: UnitOfWork, person: Person) -> None:
    """Send the same e-mail where the patient has asked for it, without a log-in. What was sent before stays valid."""
    account, _ = require_access(unit, person)
    invite_unless_often(unit, account, purpose_for(account))


def change_email(unit: UnitOfWork, person: Person, email: str) -> None:
    """Write another e-mail to the record and the account. The former address gets a notice (S3-35).

    Open links are void, sessions end, and no link goes to the new address by itself. Raises Refused(login_taken).
    """
    if person.email == email:
        return
    person.email = email
    person.version += 1
    unit.audit("person.changed", "person", person.id, members=["email"])
    account = find_portal_account(unit, PATIENT, person.id)
    if account is not None:
        set_login_email(unit, account, email)


def check_edit(unit: UnitOfWork, person: Person, email: str | None) -> None:
    """Apply an ordinary change of a record's e-mail to the patient's account, before it is written to the record.

    Raises Refused(confirmation_required) where access is enabled: then the change takes `change_patient_email` (S3-35).
    """
    if open_access(unit, person) is not None:
        raise Refused(
            "confirmation_required",
            "This patient's portal access is enabled: change the e-mail with change_patient_email.",
            field="email",
        )
    account = find_portal_account(unit, PATIENT, person.id)
    if account is not None and account.email != email:
        account.email, account.email_verified_at = email, None
        account.version += 1
        void_links(unit, account.id)


def added(unit: UnitOfWork, person: Person) -> None:
    """Enable the access of a patient whom staff have added, where the organisation has chosen that (S3-28).

    Without the details that enabling needs, access stays off.
    """
    record_of(unit, person)
    settings = unit.session.scalar(
        select(PatientSettings).where(PatientSettings.organisation_id == unit.organisation_id)
    )
    if settings is not None and settings.enables_automatically and person.email and person.postal_code:
        enable(unit, person, is_attested=False, way="automatic")
