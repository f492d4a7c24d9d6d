"""A person's own account in a portal: opened by staff, with access to the person's own profile."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.spelling import login_key
from services.identity.credentials.invitations import send_invitation
from services.identity.employees.supervision import supervise
from services.identity.models import Account, Person
from services.identity.patients import enrolment
from services.identity.realms import granting, rules
from services.identity.realms.queries import rules_of
from services.identity.registry.accounts import account_view, add_portal_account, find_portal_account
from services.identity.registry.people import find_person, load_person
from services.identity.registry.usernames import require_username
from services.identity.relationships.grants import open_grant, role_of
from services.identity.relationships.handlers import relate


def create_person_account(
    unit: UnitOfWork,
    *,
    person_id: str,
    realm: str,
    role: str,
    login: str | None,
    email: str | None,
    attests_email_is_private: bool,
) -> dict[str, Any]:
    """Open a person's account in a portal with access to the person's own profile.

    A patient's account needs what enabling a patient's access always needs (S3-31, S3-34). Raises Refused(not_found,
    right_not_held, access_exists, login_taken, invalid_request, not_a_patient, details_missing).
    """
    person = load_person(unit, person_id)
    given_role = role_of(unit, realm, role)
    granting.require_role_held(unit, given_role, field="role")
    if find_portal_account(unit, realm, person.id) is not None:
        raise Refused("access_exists", "The person has an account of this portal already.", field="realm")
    if realm == rules.PATIENT:
        _require_patient(unit, person, email=email, attests_email_is_private=attests_email_is_private)
    logs_in_by = rules_of(unit.session, str(unit.organisation_id), realm).login_id
    if login is not None and logs_in_by != rules.EMAIL:
        require_username(login, "login")
    account = add_portal_account(unit, realm, person, login=login, email=email or person.email)
    relate(unit, account, person, "self", "account")
    grant = open_grant(unit, account, person, given_role)
    if realm == rules.PATIENT:
        enrolment.attest(unit, person, grant, way="own_account")
    if realm == rules.EMPLOYEE:
        supervise(unit, account)
    if account.email is not None:
        send_invitation(unit, account)
    return account_view(account)


def list_person_accounts(session: Session, _caller: Caller, *, person_id: str) -> dict[str, Any]:
    """The accounts with which a person signs in. Raises Refused(not_found)."""
    find_person(session, person_id)
    found = session.scalars(select(Account).where(Account.person_id == person_id).order_by(Account.realm))
    return {"items": [account_view(account) for account in found]}


def _require_patient(
    unit: UnitOfWork, person: Person, *, email: str | None, attests_email_is_private: bool
) -> None:
    enrolment.require_patient(unit, person)
    enrolment.require_details(person, "email", "postal_code")
    if email is not None and login_key(email) != person.email_key:
        raise Refused(
            "invalid_request",
            "email: it is not the one on the patient's record, which links go to. Leave it out, or change the record.",
            field="email",
        )
    enrolment.require_attestation(attests_email_is_private)
