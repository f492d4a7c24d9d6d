"""Pick-up codes, with which employees without single sign-on open an account (S2-114 … S2-119)."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, tuple_, update
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.turns import in_turns
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.identity import pickup_codes as contract
from services.contracts.spelling import email_address, login_key
from services.identity.accounts.authors import names_among
from services.identity.credentials.passwords import set_password_hash
from services.identity.employees.entry import employees_among
from services.identity.employees.supervision import supervise
from services.identity.models import Account, Organisation, Person
from services.identity.pickup_codes.models import PickupCode
from services.identity.realms import granting
from services.identity.realms.queries import rules_of
from services.identity.realms.rules import EMAIL, EMPLOYEE
from services.identity.registry.accounts import add_portal_account, find_portal_account, flush_login
from services.identity.registry.pages import last_of_page
from services.identity.registry.people import load_person
from services.identity.registry.statements import rows_changed
from services.identity.registry.usernames import require_username
from services.identity.relationships.grants import find_open, open_grant, role_of
from services.identity.relationships.handlers import relate
from services.identity.secrets import addresses
from services.identity.secrets.calls import take_secret
from services.identity.secrets.password_rules import (
    LEAST_BESIDE_SECOND_FACTOR,
    LEAST_CHARACTERS,
    check_password,
    stands_alone,
)
from services.identity.secrets.passwords import hash_password
from services.identity.secrets.tokens import new_temporary_password, token_hash

TRIES = f"pickup{addresses.SUFFIX}"
SOURCE = "pickup_code"
ROLE = "employee"
_NO_CODE = frozenset({"not_found", "not_an_employee", "already_active", "details_missing"})


def create(unit: UnitOfWork, *, person_id: str) -> dict[str, Any]:
    """Make an employee's code: 79 random bits, of which only a hash is kept. The one before is void.

    Raises Refused(not_found, not_an_employee, already_active, right_not_held).
    """
    person = _load_candidate(unit, person_id)
    _require_held(unit, person)
    row, code = _add_code(unit, person)
    return {"id": row.id, "code": code, "expires_at": row.expires_at}


def send(unit: UnitOfWork, *, person_id: str) -> dict[str, Any]:
    """Have a code sent to the employee's e-mail (S2-117). Until the message is rendered, nobody knows a code that works.

    Raises Refused(not_found, not_an_employee, already_active, right_not_held, details_missing).
    """
    person = _load_candidate(unit, person_id)
    _require_held(unit, person)
    if person.email is None:
        raise Refused(
            "details_missing",
            "email: not on file. Add it to the employee's record, or make a code that you hand over.",
            field="email",
            missing=["email"],
        )
    row, _ = _add_code(unit, person)
    unit.publish(contract.pickup_code_requested, row.id, {"code_id": row.id, "person_id": person.id})
    return {"id": row.id}


def send_many(unit: UnitOfWork, *, person_ids: list[str]) -> dict[str, Any]:
    """Have codes sent to several employees, at most the declared number. Those to whom none can be sent are answered."""
    not_sent: list[dict[str, Any]] = []
    wanted = sorted(set(person_ids))  # locks are taken in one order
    for person_id in in_turns(wanted, 5):
        try:
            send(unit, person_id=person_id)
        except Refused as refusal:
            if refusal.code not in _NO_CODE:
                raise
            not_sent.append({"person_id": person_id, "reason": refusal.code})
    numbers = dict(
        unit.session.execute(
            select(Person.id, Person.number).where(Person.id.in_([each["person_id"] for each in not_sent]))
        ).all()
    )
    return {
        "sent": len(wanted) - len(not_sent),
        "not_sent": [each | {"person_number": numbers.get(each["person_id"])} for each in not_sent],
    }


def mint(unit: UnitOfWork, *, code_id: str) -> dict[str, Any]:
    """Make the code of a message that is rendered now. Its lifetime starts, and the row's former code is void.

    Raises Refused(not_found) if it was used, replaced, or has expired, and if it is not needed any more.
    """
    found = unit.session.execute(
        select(PickupCode.id, PickupCode.person_id).where(PickupCode.id == code_id)
    ).one_or_none()
    if found is None:
        raise _not_to_be_sent()
    try:
        person = _load_candidate(unit, found.person_id)
    except Refused:
        raise _not_to_be_sent() from None
    days, code = _days(unit), new_temporary_password()
    renewed = rows_changed(
        unit.session,
        update(PickupCode)
        .where(PickupCode.id == found.id, *_is_in_state("open", unit.now))
        .values(
            code_hash=_code_hash(str(unit.organisation_id), code),
            expires_at=unit.now + datetime.timedelta(days=days),
        ),
    )
    if renewed != 1:
        raise _not_to_be_sent()
    unit.audit("pickup_code.made", "pickup_code", found.id, person_id=person.id, days=days)
    name = unit.session.scalars(
        select(Organisation.name).where(Organisation.id == unit.organisation_id)
    ).one()
    return {
        "code": code,
        "email": person.email,
        "lifetime_minutes": days * 24 * 60,
        "organisation_name": name,
    }


def _not_to_be_sent() -> Refused:
    return Refused("not_found", "There is no such pick-up code to be sent any more.")


def _load_candidate(unit: UnitOfWork, person_id: str) -> Person:
    """An employee who has no active account yet, locked. Raises Refused(not_found, not_an_employee, already_active)."""
    person = load_person(unit, person_id)
    if person.id not in employees_among(unit.session, [person.id], unit.now):
        raise Refused("not_an_employee", "This person is not an employee now.", field="person_id")
    account = find_portal_account(unit, EMPLOYEE, person.id)
    if account is not None and account.state != "invited":
        raise Refused(
            "already_active", "The person has an account of this portal: reset its password instead."
        )
    return person


def _require_held(unit: UnitOfWork, person: Person) -> None:
    """Raise Refused(right_not_held) unless the caller holds what an account that is opened with a code may do."""
    granting.require_role_held(unit, role_of(unit, EMPLOYEE, ROLE), field="person_id")
    account = find_portal_account(unit, EMPLOYEE, person.id)
    if account is not None:
        granting.require_account_held(unit, account, field="person_id")


def _days(unit: UnitOfWork) -> int:
    return rules_of(unit.session, str(unit.organisation_id), EMPLOYEE).pickup_code_days


def _add_code(unit: UnitOfWork, person: Person) -> tuple[PickupCode, str]:
    void_codes(unit, person.id)
    days, code = _days(unit), new_temporary_password()
    row = PickupCode(
        id=wire.new_id(),
        person_id=person.id,
        code_hash=_code_hash(str(unit.organisation_id), code),
        created_by=unit.actor_id,
        created_at=unit.now,
        expires_at=unit.now + datetime.timedelta(days=days),
    )
    unit.add(row)
    unit.audit("pickup_code.created", "pickup_code", row.id, person_id=person.id, days=days)
    return row, code


def void_codes(unit: UnitOfWork, person_id: str) -> None:
    """Void a person's unused codes."""
    unit.session.execute(
        update(PickupCode)
        .where(
            PickupCode.person_id == person_id,
            PickupCode.activated_at.is_(None),
            PickupCode.void_at.is_(None),
        )
        .values(void_at=unit.now),
        execution_options={"synchronize_session": False},
    )


def _code_hash(organisation_id: str, code: str) -> str:
    """The hash of a code, however it is typed. Nobody can guess 79 bits, so a fast hash is enough."""
    return token_hash(f"{organisation_id}\0{''.join(code.split()).replace('-', '').upper()}")


def _is_in_state(state: str, now: datetime.datetime) -> tuple[ColumnElement[bool], ...]:
    """A state of `code_state`, as conditions of a statement."""
    if state == "activated":
        return (PickupCode.activated_at.is_not(None),)
    if state == "void":
        return (PickupCode.activated_at.is_(None), PickupCode.void_at.is_not(None))
    is_past = PickupCode.expires_at <= now
    unused = (PickupCode.activated_at.is_(None), PickupCode.void_at.is_(None))
    return (*unused, is_past if state == "expired" else ~is_past)


def code_state(row: PickupCode, now: datetime.datetime) -> str:
    """`activated`, `void`, `expired` or `open`."""
    if row.activated_at is not None:
        return "activated"
    if row.void_at is not None:
        return "void"
    return "open" if row.expires_at > now else "expired"


def list_codes(
    session: Session,
    _caller: Caller,
    *,
    person_id: str | None,
    state: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """When codes were created and activated, newest first. The cursor is a code's id."""
    now = utc_now()
    order = (PickupCode.created_at, PickupCode.id)
    statement = (
        select(PickupCode, Person)
        .join(Person, Person.id == PickupCode.person_id)
        .order_by(*(column.desc() for column in order))
        .limit(limit + 1)
    )
    if state is not None:
        statement = statement.where(*_is_in_state(state, now))
    if person_id is not None:
        statement = statement.where(PickupCode.person_id == person_id)
    if after is not None:
        last = last_of_page(session, order, PickupCode.id, after)
        statement = statement.where(tuple_(*order) < tuple_(*last))
    rows = session.execute(statement).all()
    page = rows[:limit]
    authors = names_among(session, {row.created_by for row, _ in page})
    names = ("id", "person_id", "created_by", "created_at", "expires_at", "activated_at")
    return {
        "items": [
            {name: getattr(row, name) for name in names}
            | {
                "person_number": person.number,
                "person_name": " ".join(name for name in (person.first_name, person.last_name) if name),
                "created_by_name": authors.get(row.created_by),
                "state": code_state(row, now),
            }
            for row, person in page
        ],
        "next": page[-1][0].id if len(rows) > len(page) else None,
    }


def redeem(call: Call) -> Any:
    """Open an account with a code. No password is hashed for a refused code; tries are counted per address.

    Raises Refused(too_many_requests, pickup_code_refused, password_refused, login_taken, invalid_request).
    """
    settings = call.runtime.settings
    wait_s = call.transact(lambda unit: addresses.count_try(unit, TRIES, settings))
    if wait_s:
        raise Refused("too_many_requests", "Too many tries from this address. Wait.", retry_after_s=wait_s)
    password = take_secret(call, "password")
    with call.runtime.database.reading(None) as session:
        found = _find_open(session, call.request["organisation"], call.request["code"])
        realm_rules = rules_of(session, found[2].id, EMPLOYEE) if found else None
    if found is None or realm_rules is None:
        call.transact(lambda unit: unit.audit("pickup_code.refused", "pickup_code", "unknown"))
        raise _refused()
    code_id, person, organisation = found
    login, email = _credentials(call.request["login"], call.request["email"], realm_rules.login_id)
    least = LEAST_BESIDE_SECOND_FACTOR if realm_rules.second_factor_required else LEAST_CHARACTERS
    names = (organisation.name, organisation.key, login, person.first_name, person.last_name)
    check_password(password, [name for name in names if name], least=least)
    password_hash = hash_password(password)

    def activate(unit: UnitOfWork) -> dict[str, Any]:
        unit.act_for(organisation.id, organisation.key)
        account = _activate(unit, code_id, person.id, login, email)
        set_password_hash(
            unit, organisation, account, password_hash, needs_second_factor=not stands_alone(password)
        )
        addresses.give_back(unit, TRIES, settings)
        return {}

    return call.commit(activate)


def _find_open(session: Session, organisation_key: str, code: str) -> tuple[str, Person, Organisation] | None:
    """Code, person and organisation. The session is of no organisation."""
    organisation = session.scalar(select(Organisation).where(Organisation.key == organisation_key))
    found = session.execute(
        select(PickupCode, Person)
        .join(Person, Person.id == PickupCode.person_id)
        .where(PickupCode.code_hash == _code_hash(organisation.id if organisation else "", code))
    ).one_or_none()
    if organisation is None or found is None or code_state(found[0], utc_now()) != "open":
        return None
    return found[0].id, found[1], organisation


def _credentials(login: str, email: str | None, login_id: str) -> tuple[str, str | None]:
    """Login and e-mail that the person has chosen. Where the portal logs in by e-mail, the login is both."""
    if login_id != EMAIL:
        require_username(login, "login")
        return login, email
    try:
        address = email_address(login)
    except ValueError:
        raise Refused(
            "invalid_request", "login: this portal logs in with an e-mail address.", field="login"
        ) from None
    return address, address


def _activate(unit: UnitOfWork, code_id: str, person_id: str, login: str, email: str | None) -> Account:
    """Use up the code and give the person an active account. Of simultaneous calls one succeeds."""
    person = load_person(unit, person_id)
    used = rows_changed(
        unit.session,
        update(PickupCode)
        .where(PickupCode.id == code_id, *_is_in_state("open", unit.now))
        .values(activated_at=unit.now),
    )
    account = find_portal_account(unit, EMPLOYEE, person.id)
    is_employee = person.id in employees_among(unit.session, [person.id], unit.now)
    if used != 1 or not is_employee or (account is not None and account.state != "invited"):
        raise _refused()
    if account is None:
        account = add_portal_account(unit, EMPLOYEE, person, login=login, email=email, field="login")
    else:  # opened when the employee was registered (S2-120)
        account.login, account.email = login_key(login), email
        account.email_verified_at = None
        flush_login(unit, "login")
    relate(unit, account, person, "self", SOURCE)
    relate(unit, account, person, "portal_user", SOURCE)
    if find_open(unit, account.id, person.id) is None:
        open_grant(unit, account, person, role_of(unit, EMPLOYEE, ROLE))
    supervise(unit, account)
    unit.session.execute(
        update(PickupCode).where(PickupCode.id == code_id).values(account_id=account.id),
        execution_options={"synchronize_session": False},
    )
    unit.audit("pickup_code.activated", "pickup_code", code_id, account_id=account.id, person_id=person.id)
    unit.publish(
        contract.pickup_code_activated,
        account.id,
        {"account_id": account.id, "person_id": person.id, "code_id": code_id},
    )
    return account


def _refused() -> Refused:
    """The one refusal of every code that is not open."""
    return Refused(
        "pickup_code_refused",
        "The code is wrong, was used or replaced, or has expired. Ask for a new one.",
    )
