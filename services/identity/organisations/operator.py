"""The operator's work: creating organisations, setting passwords, allowing passwords again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from marshmallow import ValidationError
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import Database
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.fields import Code
from services.contracts.identity import organisations as contract
from services.contracts.spelling import email_address, login_key
from services.identity.accounts.handlers import add_account, role_of_level
from services.identity.credentials.invitations import invite
from services.identity.credentials.passwords import set_password_hash
from services.identity.credentials.rules import INVITATION
from services.identity.models import Account, Base, Organisation, Person, Role, RolePermission
from services.identity.organisations.rules import checked_features, short_name_of
from services.identity.realms import rules
from services.identity.realms.models import IdentityProvider
from services.identity.realms.rules import DEFAULT_PORTAL_ROLES
from services.identity.registry.accounts import find_login
from services.identity.secrets.password_rules import check_password
from services.identity.secrets.passwords import hash_password

T = TypeVar("T")

MOST_KEY_CHARACTERS = 40


@dataclass(frozen=True)
class Created:
    """An organisation and its first administrator. `is_new` is False when it existed before."""

    organisation_id: str
    organisation_key: str
    admin_account_id: str | None
    is_new: bool


def create_organisation(
    database: Database,
    *,
    key: str,
    name: str,
    admin_email: str,
    admin_password: str | None = None,
    features: Iterable[str] = (),
) -> Created:
    """Create a tenant with its roles and first administrator. Where the key exists, nothing changes.

    Without `admin_password` the administrator is invited by e-mail. Raises Refused(invalid_request,
    feature_needs_another, password_refused).
    """
    _check_key(key)
    enabled = _known_features(features)
    try:
        admin_email = email_address(admin_email)
    except ValueError as error:
        raise Refused("invalid_request", f"admin_email: {error}", field="admin_email") from None
    password_hash = None
    if admin_password is not None:
        check_password(admin_password, [name, key, admin_email])
        password_hash = hash_password(admin_password)

    def work(unit: UnitOfWork) -> Created:
        organisation, admin = find_login(unit.session, key, login_key(admin_email))
        if organisation is not None:
            return Created(organisation.id, organisation.key, admin.id if admin else None, is_new=False)
        if unit.session.scalar(select(Organisation.id).where(Organisation.short_name == key)):
            raise Refused(
                "invalid_request", "key: another organisation has it as its short name.", field="key"
            )
        organisation = Organisation(
            id=wire.new_id(),
            key=key,
            name=name,
            features=enabled,
            short_name=_free_short_name(unit, name),
            created_at=unit.now,
            version=1,
        )
        unit.act_for(organisation.id, organisation.key)
        unit.add(organisation)
        add_default_roles(unit)
        unit.audit("organisation.created", "organisation", organisation.id, features=enabled)
        unit.publish(contract.organisation_created, organisation.id, {"organisation_id": organisation.id})
        account = add_account(
            unit, email=admin_email, role=role_of_level(unit, "admin"), first_name=None, last_name=None
        )
        if password_hash is None:
            invite(unit, account, INVITATION)
        else:
            account.email_verified_at = unit.now
            set_password_hash(unit, organisation, account, password_hash)
        return Created(organisation.id, organisation.key, account.id, is_new=True)

    return as_operator(database, work)


def set_password(
    database: Database, *, organisation_key: str, login: str, password: str, email_is_verified: bool = False
) -> str:
    """Set an account's password and make it active; returns the account's id.

    `email_is_verified`: the operator vouches for the address. Raises Refused(not_found, account_disabled,
    password_refused).
    """
    check_password(password, [organisation_key, login])
    password_hash = hash_password(password)

    def work(unit: UnitOfWork) -> str:
        organisation, found = find_login(unit.session, organisation_key, login_key(login))
        if organisation is None or found is None:
            raise Refused("not_found", "There is no such account.")
        unit.act_for(organisation.id, organisation.key)
        account = unit.session.scalars(
            select(Account).where(Account.id == found.id).with_for_update(of=Account)
        ).one()
        if account.state == "disabled":
            raise Refused("account_disabled", "The account is disabled.")
        if email_is_verified:
            account.email_verified_at = account.email_verified_at or unit.now
        set_password_hash(unit, organisation, account, password_hash)
        return account.id

    return as_operator(database, work)


def allow_passwords(database: Database, *, organisation_key: str, realm: str) -> str:
    """Let people of a realm log in with passwords again, where its outside provider has locked everybody out.

    Returns the provider's id. Raises Refused(not_found).
    """

    def work(unit: UnitOfWork) -> str:
        found = unit.session.execute(
            select(Organisation, IdentityProvider)
            .join(IdentityProvider, IdentityProvider.organisation_id == Organisation.id)
            .where(Organisation.key == organisation_key, IdentityProvider.realm == realm)
            .with_for_update(of=IdentityProvider)
        ).one_or_none()
        if found is None:
            raise Refused("not_found", "The organisation has no outside provider for this realm.")
        organisation, provider = found
        unit.act_for(organisation.id, organisation.key)
        provider.allows_passwords = True
        provider.version += 1
        unit.audit(
            "identity_provider.changed", "identity_provider", provider.id,
            realm=realm, allows_passwords=True, members=["allows_passwords"],
        )  # fmt: skip
        return str(provider.id)

    return as_operator(database, work)


def restore_administrators(database: Database, *, organisation_key: str) -> list[str]:
    """Give the level `admin` the permissions back that it begins with, where nobody is left who holds and could give them.

    Returns those that it lacked. Raises Refused(not_found).
    """

    def work(unit: UnitOfWork) -> list[str]:
        found = unit.session.execute(
            select(Organisation, Role)
            .join(Role, Role.organisation_id == Organisation.id)
            .where(Organisation.key == organisation_key, Role.realm == rules.STAFF, Role.code == "admin")
            .with_for_update(of=Role)
        ).one_or_none()
        if found is None:
            raise Refused("not_found", "There is no such organisation.")
        organisation, role = found
        unit.act_for(organisation.id, organisation.key)
        held = unit.session.scalars(
            select(RolePermission.permission).where(RolePermission.role_id == role.id)
        ).all()
        lacking = sorted(rules.DEFAULT_ROLES["admin"][1] - set(held))
        for permission in lacking:
            unit.add(RolePermission(organisation_id=organisation.id, role_id=role.id, permission=permission))
        if lacking:
            role.version += 1
            after = sorted({*held, *lacking})
            unit.audit("role.changed", "role", role.id, before=sorted(held), after=after, is_disabled=False)
        return lacking

    return as_operator(database, work)


def note_person_export(database: Database, *, organisation_key: str, person_id: str) -> str:
    """Write the audit row of an operator who writes down what is kept about a person; returns the organisation's id.

    Raises Refused(not_found) if there is no such organisation, or no such person in it.
    """

    def work(unit: UnitOfWork) -> str:
        organisation = unit.session.scalars(
            select(Organisation)
            .join(Person, Person.organisation_id == Organisation.id)
            .where(Organisation.key == organisation_key, Person.id == person_id)
        ).one_or_none()
        if organisation is None:
            raise Refused(
                "not_found",
                f"There is no organisation with the key {organisation_key!r}, or it has no such person.",
            )
        unit.act_for(organisation.id, organisation.key)
        unit.audit("person.exported", "person", person_id)
        return organisation.id

    return as_operator(database, work)


def add_default_roles(unit: UnitOfWork) -> None:
    """Give the organisation its own roles, from the tables in `realms.rules`."""
    workforce = [(realm, code, None, held) for code, (realm, held) in rules.DEFAULT_ROLES.items()]
    portals = [(realm, code, name, held) for (realm, code), (name, held) in DEFAULT_PORTAL_ROLES.items()]
    for realm, code, name, permissions in workforce + portals:
        role = unit.add(
            Role(id=wire.new_id(), organisation_id=unit.organisation_id, code=code, realm=realm, name=name)
        )
        unit.session.flush()  # the permissions refer to it
        for permission in sorted(permissions):
            unit.add(
                RolePermission(organisation_id=unit.organisation_id, role_id=role.id, permission=permission)
            )


def _free_short_name(unit: UnitOfWork, name: str) -> str | None:
    """The short name that the name gives; None, so that the key is it, where another organisation has it."""
    short = short_name_of(name)
    is_taken = short is not None and unit.session.scalar(
        select(Organisation.id).where(or_(Organisation.short_name == short, Organisation.key == short))
    )
    return None if is_taken else short


def _check_key(key: str) -> None:
    try:
        Code().deserialize(key)
    except ValidationError:
        raise Refused(
            "invalid_request", "key: lower-case letters, digits, _ and - only.", field="key"
        ) from None
    if "." in key or len(key) > MOST_KEY_CHARACTERS:  # it is one word of a routing key
        raise Refused(
            "invalid_request", f"key: no dot, at most {MOST_KEY_CHARACTERS} characters.", field="key"
        )


def _known_features(features: Iterable[str]) -> list[str]:
    enabled = checked_features(features)
    unknown = sorted(set(enabled) - set(contract.FEATURES))
    if unknown:
        raise Refused(
            "invalid_request", f"features: known are {', '.join(contract.FEATURES)}.", field="features"
        )
    return enabled


def as_operator(database: Database, work: Callable[[UnitOfWork], T]) -> T:
    """Do a piece of work in one transaction as the operator, for whom the audit trail says `command_line`."""

    def run(session: Session) -> T:
        unit = UnitOfWork(
            session,
            Base.chassis,
            "identity",
            caller=Caller("operator", "command_line"),
            context=wire.CallContext(wire.new_id(), correlation_id=wire.new_id()),
            organisation_id=None,
            organisation_key=None,
        )
        return work(unit)

    return database.write(None, run)
