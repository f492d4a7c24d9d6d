"""What patients do without a log-in: asking for a link with four details of their record, confirming their e-mail."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.database import Database
from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.identity import patients as contract
from services.contracts.spelling import login_key
from services.identity.credentials import invitations, links
from services.identity.credentials.models import CredentialLink
from services.identity.credentials.rules import VERIFY_EMAIL
from services.identity.models import Account, Organisation
from services.identity.patients import enrolment, queries
from services.identity.patients.models import UnverifiedNotice
from services.identity.patients.rules import NOTICE_KEPT, NOTICE_KEPT_ONCE_TAKEN, NOTICE_LIMIT, Identifying
from services.identity.realms.rules import LINK, PATIENT
from services.identity.registry.people import load_person
from services.identity.secrets import addresses, tries
from services.identity.secrets.rules import RESET_LIMIT
from services.identity.secrets.tokens import throttle_key, token_hash

NOTICE = "unverified-notice"
FORGET_EVERY_S = 60.0


def request_access(call: Call) -> Any:
    """Self-activation and forgotten password (S3-24, S3-25). The answer is always {}.

    If exactly one patient with enabled access has this e-mail, last name, date of birth and postal code, that patient gets
    a link. In any other case the address that was entered is told that it could not be verified (S3-26), once a day. Tries
    are counted per caller's address, and per address entered from there, before anything is looked up: what strangers try
    does not block the patient. Raises Refused(too_many_requests).
    """
    entered = Identifying(
        call.request["email"],
        call.request["last_name"],
        call.request["date_of_birth"],
        call.request["postal_code"],
    )
    # In a space of its own, so that the key never equals that of a log-in.
    key = throttle_key(call.request["organisation"], f"{PATIENT}-match", login_key(entered.email or ""))
    _count(call, key)
    with call.runtime.database.reading(None) as session:
        organisation = queries.find_organisation_by_key(session, call.request["organisation"])
    person_id = None
    if organisation is not None:
        with call.runtime.database.reading(organisation.id) as session:
            person_id = queries.matching_patient(session, entered)
    return call.commit(_answer, organisation, person_id, key)


def _count(call: Call, key: str) -> None:
    settings = call.runtime.settings

    def count(unit: UnitOfWork) -> int:
        origin = addresses.origin_of(unit.context, key, settings)
        return addresses.count_try(unit, addresses.RESET, settings) or tries.count_try(
            unit, tries.MATCH, origin, RESET_LIMIT
        )

    wait_s = call.transact(count)
    if wait_s:
        raise Refused("too_many_requests", "Too many tries. Wait.", retry_after_s=wait_s)


def _answer(
    unit: UnitOfWork, organisation: Organisation | None, person_id: str | None, key: str, *, email: str
) -> dict[str, Any]:
    if organisation is None:
        return {}
    unit.act_for(organisation.id, organisation.key)
    if person_id is not None:
        person = load_person(unit, person_id)
        if enrolment.open_access(unit, person) is not None and person.email:
            enrolment.send_asked_link(unit, person)
        return {}
    tell_unverified(unit, email, key)
    return {}


def tell_unverified(unit: UnitOfWork, email: str, key: str) -> None:
    """Have the address that was entered told that it could not be verified, once a day (S3-26). `key` stands for it."""
    unit.audit("patient.not_verified", "login", key)
    if tries.count_try(unit, NOTICE, key, NOTICE_LIMIT):
        return
    notice = UnverifiedNotice(
        id=wire.new_id(), email=email, created_at=unit.now, expires_at=unit.now + NOTICE_KEPT
    )
    unit.add(notice)
    unit.publish(contract.patient_not_verified, notice.id, {"notice_id": notice.id})


def take_unverified_address(unit: UnitOfWork, *, notice_id: str) -> dict[str, Any]:
    """The address of a notice. Once it was taken it is kept for a few more tries only. Raises Refused(not_found)."""
    notice = unit.session.scalar(
        select(UnverifiedNotice).where(UnverifiedNotice.id == notice_id).with_for_update()
    )
    if notice is None or notice.expires_at <= unit.now:
        raise Refused("not_found", "There is no such notice any more.")
    if notice.taken_at is None:
        notice.taken_at = unit.now
        notice.expires_at = min(notice.expires_at, unit.now + NOTICE_KEPT_ONCE_TAKEN)
        unit.audit("patient.not_verified_told", "unverified_notice", notice.id)
    name = unit.session.scalars(
        select(Organisation.name).where(Organisation.id == unit.organisation_id)
    ).one()
    return {"email": notice.email, "organisation_name": name}


def forget_notices(database: Database) -> bool:
    """Delete the notices that have expired."""
    database.sweep(UnverifiedNotice, UnverifiedNotice.expires_at <= utc_now())
    return True


def verify_email(call: Call) -> Any:
    """Use the link of the confirmation e-mail (S3-29). Raises Refused(link_refused, too_many_requests)."""
    settings = call.runtime.settings
    wait_s = call.transact(lambda unit: addresses.count_try(unit, addresses.LINK, settings))
    if wait_s:
        raise Refused("too_many_requests", "Too many tries from this address. Wait.", retry_after_s=wait_s)
    token = call.request["token"]
    return call.commit(_verify_email, token, settings)


def _verify_email(unit: UnitOfWork, token: str, settings: Any) -> dict[str, Any]:
    is_this_link = CredentialLink.token_hash == token_hash(token)
    found = unit.session.execute(
        select(CredentialLink.account_id, Organisation)
        .join(Organisation, Organisation.id == CredentialLink.organisation_id)
        .where(is_this_link, CredentialLink.kind == LINK, CredentialLink.purpose == VERIFY_EMAIL)
    ).one_or_none()
    if found is None:
        raise links.link_refused()
    account_id, organisation = found
    unit.act_for(organisation.id, organisation.key)
    person_id = unit.session.scalar(select(Account.person_id).where(Account.id == account_id))
    # Lock the person's row first, as every step of a patient's access does: another order could deadlock. Staff have none.
    person = load_person(unit, person_id) if person_id else None
    account = unit.session.scalars(
        select(Account).where(Account.id == account_id).with_for_update(of=Account)
    ).one()
    is_used = invitations.use_up(unit, is_this_link)
    if not is_used or account.state == "disabled" or (person is not None and account.email != person.email):
        raise links.link_refused()
    account.email_verified_at = unit.now
    account.version += 1
    invitations.void_links(unit, account.id)
    addresses.give_back(unit, addresses.LINK, settings)
    unit.audit(
        "account.email_verified", "account", account.id, **({"person_id": person.id} if person else {})
    )
    if person is None:
        return {"is_enabled": False}
    is_registered = enrolment.record_of(unit, person).origin == enrolment.REGISTERED
    if is_registered and person.postal_code and person.disabled_at is None:
        enrolment.enable(unit, person, is_attested=False, way="email_verified")
    return {"is_enabled": enrolment.open_access(unit, person) is not None}
