"""The electronic registration form, which anybody can send (S3-29, S3-30).

The answer never tells whether somebody is registered already: what follows goes to the address that was entered.
"""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from sqlalchemy import select

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.spelling import login_key, search_key
from services.identity.credentials import invitations
from services.identity.credentials.rules import VERIFY_EMAIL
from services.identity.models import Account, Organisation, Person
from services.identity.patients import activation, enrolment, queries
from services.identity.patients.models import PatientSettings
from services.identity.patients.rules import (
    REGISTRATION_MAIL_LIMIT,
    REGISTRATIONS_LIMIT,
    Identifying,
)
from services.identity.realms import rules
from services.identity.realms.queries import rules_of
from services.identity.realms.rules import REGISTRATION
from services.identity.registry.people import add_person
from services.identity.secrets import addresses, tries
from services.identity.secrets.rules import RESET_LIMIT
from services.identity.secrets.tokens import throttle_key


class Entered(TypedDict, total=False):
    """What was entered beside the organisation and the four details that identify a patient."""

    first_name: str
    street: str | None
    city: str | None
    home_phone: str | None
    mobile_phone: str | None
    insurer: str | None
    insurance_number: str | None


def describe(call: Call) -> dict[str, Any]:
    """The name of an organisation that takes registrations, and what it asks. Raises Refused(feature_is_off)."""
    organisation = _organisation(call)
    with call.runtime.database.reading(organisation.id) as session:
        settings = queries.settings_view(session.scalar(select(PatientSettings)))
    asks = {name: settings[name] for name in ("asks_address", "asks_insurance")}
    return {"organisation_name": organisation.name, **asks}


def _organisation(call: Call) -> Organisation:
    with call.runtime.database.reading(None) as session:
        organisation = queries.find_organisation_by_key(session, call.request["organisation"])
    if organisation is None or REGISTRATION not in organisation.features:
        raise Refused(
            "feature_is_off",
            "Patients do not register here. Ask the organisation how to become a patient.",
            field="organisation",
        )
    return organisation


def register(call: Call) -> Any:
    """Take a registration. The answer is always {}.

    Tries are counted per caller's address, per address entered from there, and per organisation.
    Raises Refused(feature_is_off, too_many_requests).
    """
    organisation = _organisation(call)
    request = dict(call.request)
    del request["organisation"]
    email = request["email"]
    key = throttle_key(organisation.key, f"{rules.PATIENT}-registration", login_key(email))
    settings = call.runtime.settings

    def count(unit: UnitOfWork) -> int:
        origin = addresses.origin_of(unit.context, key, settings)
        return (
            addresses.count_try(unit, addresses.REGISTRATION, settings)
            or tries.count_try(unit, tries.REGISTRATION, origin, RESET_LIMIT)
            or tries.count_try(unit, tries.REGISTRATIONS, organisation.id, REGISTRATIONS_LIMIT)
        )

    if not call.is_repeated():
        wait_s = call.transact(count)
        if wait_s:
            raise Refused("too_many_requests", "Too many registrations. Wait.", retry_after_s=wait_s)
    call.request = request
    return call.commit(_register, organisation, key)


def _register(
    unit: UnitOfWork,
    organisation: Organisation,
    key: str,
    *,
    email: str,
    last_name: str,
    date_of_birth: Any,
    postal_code: str,
    **others: Unpack[Entered],
) -> dict[str, Any]:
    unit.act_for(organisation.id, organisation.key)
    # Families share an address. Beyond a few, somebody floods the mailbox of somebody else.
    if tries.count_try(unit, tries.REGISTRATION_MAIL, key, REGISTRATION_MAIL_LIMIT):
        return {}
    entered = Identifying(email, last_name, date_of_birth, postal_code)
    known = _registered_before(unit, entered, others["first_name"])
    if known is not None:
        _bring_on(unit, known, email, key)
        return {}
    person = add_person(
        unit,
        None,
        [rules.PATIENT],
        email=email,
        last_name=last_name,
        date_of_birth=date_of_birth,
        postal_code=postal_code,
        **others,
    )
    enrolment.record_of(unit, person, enrolment.REGISTERED)
    unit.audit("patient.registered", "person", person.id)
    if _is_anothers_login(unit, email):
        activation.tell_unverified(unit, email, key)
    else:
        invitations.invite(unit, enrolment.open_account(unit, person), VERIFY_EMAIL)
    return {}


def _registered_before(unit: UnitOfWork, entered: Identifying, first_name: str) -> Person | None:
    """The patient whose record has all this. Twins differ in their first names alone."""
    same_name = [
        person
        for person in queries.patients_like(unit.session, entered)
        if search_key(person.first_name or "") == search_key(first_name)
    ]
    return same_name[0] if same_name else None


def _bring_on(unit: UnitOfWork, person: Person, email: str, key: str) -> None:
    """Send a known patient the e-mail that is next: to a password, to confirming the address, or to the organisation."""
    if enrolment.open_access(unit, person) is not None:
        enrolment.send_asked_link(unit, person)
        return
    is_registered = enrolment.record_of(unit, person).origin == enrolment.REGISTERED
    if is_registered and not _is_anothers_login(unit, email, person.id):
        account = enrolment.open_account(unit, person)
        if account.state != "disabled" and account.email_verified_at is None:
            invitations.invite_unless_often(unit, account, VERIFY_EMAIL)
            return
    activation.tell_unverified(unit, email, key)


def _is_anothers_login(unit: UnitOfWork, email: str, person_id: str | None = None) -> bool:
    """Whether patients log in with their e-mail here, and another account has this one."""
    if rules_of(unit.session, str(unit.organisation_id), rules.PATIENT).login_id != rules.EMAIL:
        return False
    statement = select(Account.person_id).where(
        Account.login_space == rules.login_space(rules.PATIENT), Account.login == login_key(email)
    )
    return any(owner != person_id for owner in unit.session.scalars(statement))
