"""A request for every operation whose declaration says `grants`, and the office that sends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.identity import (
    accounts,
    api_clients,
    contract,
    outside,
    patients,
    people,
    realms,
    relationships,
    second_factor,
)
from services.identity.models import Account, RolePermission
from tests.integration.identity.conftest import PASSWORD, Identity
from tests.integration.identity.family import Desk
from tests.support.in_process import a_caller

GRANTING = {name: each for name, each in contract.operations.items() if each.grants is not None}
PRELIMINARY = "portal.view_preliminary_documents"
REFUSALS = ("right_not_held", "scope_refused")


class Office:
    """An organisation whose administrator prepares what others then try to do."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.admin = identity.admin()
        self.desk = Desk(identity)
        self.provider: Any = None

    def giver(self, permissions: Iterable[str]) -> Caller:
        """A member of the staff who holds exactly these."""
        return a_caller(
            *permissions,
            organisation=(self.identity.harbor.organisation_id, "harbor"),
            id="d" * 32,
            session_id="d" * 32,
            proven_at=int(time.time()),
        )

    def role(self, realm: str, code: str) -> dict[str, Any]:
        items = self.identity.call(realms.list_roles, self.admin, realm=realm)["items"]
        return next(dict(role) for role in items if role["code"] == code)

    def let(self, realm: str, code: str, *permissions: str) -> dict[str, Any]:
        """The role, which holds these as well from now on."""
        role = self.role(realm, code)

        def work(session: Any) -> None:
            for permission in set(permissions) - set(role["permissions"]):
                session.add(
                    RolePermission(
                        organisation_id=self.identity.harbor.organisation_id,
                        role_id=role["id"],
                        permission=permission,
                    )
                )

        self.identity.database.write(self.identity.harbor.organisation_id, work)
        return self.role(realm, code)

    def read(self, account_id: str) -> dict[str, Any]:
        return dict(self.identity.call(accounts.get_account, self.admin, account_id=account_id))

    def workforce(self) -> list[str]:
        """The ids of the accounts that have a level."""
        with self.identity.database.reading(None) as session:
            return list(session.scalars(select(Account.id).where(Account.role_id.is_not(None))))

    def permissions_of(self, account_id: str) -> frozenset[str]:
        """What the account may do, as its next passport says."""
        with self.identity.database.reading(None) as session:
            role_id = session.scalars(select(Account.role_id).where(Account.id == account_id)).one()
            return frozenset(
                session.scalars(select(RolePermission.permission).where(RolePermission.role_id == role_id))
            )

    def attempt(self, name: str, caller: Caller, request: dict[str, Any]) -> str:
        """`ok`, or the code of the refusal."""
        try:
            self.identity.call(GRANTING[name], caller, **request)
        except Refused as refusal:
            return refusal.code
        return "ok"


@dataclass(frozen=True)
class Case:
    """An operation's request, made by `prepare`, that would give `right`. `then`: what whoever holds everything gets."""

    right: str
    prepare: Callable[[Office], dict[str, Any]]
    then: str = "ok"


def _new_account(office: Office) -> dict[str, Any]:
    return {"email": "new@example.org", "first_name": "New", "last_name": "Quill"}


def _level(office: Office) -> dict[str, Any]:
    account = office.identity.an_account()
    return {"account_id": account["id"], "security_level": "admin", "version": account["version"]}


def _enabled(office: Office) -> dict[str, Any]:
    account = office.identity.an_account()
    disabled = office.identity.call(
        accounts.disable_account, office.admin, account_id=account["id"], version=account["version"]
    )
    return {"account_id": account["id"], "version": disabled["version"]}


def _resource(office: Office) -> dict[str, Any]:
    return {"account_id": office.identity.a_provider()["id"], "resource_id": "9" * 32}


def _switches(office: Office) -> dict[str, Any]:
    return {
        "account_id": office.identity.a_provider()["id"],
        "can_edit_capacity": True,
        "can_change_status": False,
        "can_access_details": False,
    }


def _new_client(office: Office) -> dict[str, Any]:
    return {"name": "Bed board", "scopes": ["record.read"]}


def _client(office: Office) -> dict[str, Any]:
    created = office.identity.call(api_clients.create_api_client, office.admin, **_new_client(office))
    return {"client_id": created["id"], "version": created["version"]}


def _changed_client(office: Office) -> dict[str, Any]:
    return _client(office) | _new_client(office) | {"allowed_networks": ["192.0.2.0/24"]}


def _secret(office: Office) -> dict[str, Any]:
    return {"client_id": _client(office)["client_id"]}


def _realm(office: Office) -> dict[str, Any]:
    return {"realm": "staff", "second_factor_required": False, "session_idle_minutes": 60, "version": 1}


def new_role(office: Office) -> dict[str, Any]:
    return {"realm": "family", "code": "friend", "name": "Friend", "permissions": [PRELIMINARY]}


def _role(office: Office) -> dict[str, Any]:
    role = office.role("staff", "trainee")
    wanted = [*role["permissions"], "chart.merge"]
    return {"role_id": role["id"], "version": role["version"], "permissions": wanted}


def _demand(office: Office) -> dict[str, Any]:
    request = {"security_level": "standard", "is_required": True}
    office.identity.call(second_factor.set_role_second_factor, office.admin, **request)
    return request | {"is_required": False}


def _somebody(office: Office) -> dict[str, Any]:
    return {"account_id": office.identity.an_account()["id"]}


def _new_provider(office: Office) -> dict[str, Any]:
    return {
        "realm": "staff",
        "issuer": "https://login.example.org",
        "client_id": "portico",
        "client_secret": "a-client-secret",
        "button_name": "Sign in with Harbor ID",
    }


def _provider(office: Office) -> dict[str, Any]:
    if office.provider is None:
        office.provider = office.identity.call(
            outside.create_identity_provider, office.admin, **_new_provider(office)
        )
    return _new_provider(office) | {"version": office.provider["version"]}


def _outside_link(office: Office) -> dict[str, Any]:
    _provider(office)
    return {"account_id": office.identity.an_account()["id"], "subject": "somebody"}


def _entry(office: Office) -> dict[str, Any]:
    office.let("employee", "employee", PRELIMINARY)
    return {"realm": "employee", "allowed_roles": ["employee"], "version": 1}


def _family_access(office: Office) -> dict[str, Any]:
    office.let("family", "family", PRELIMINARY)
    client = office.desk.a_client()
    return {"client_id": client["id"], "person_id": office.desk.a_contact(client)["id"], "role": "family"}


def _other_family_access(office: Office) -> dict[str, Any]:
    client = office.desk.a_client()
    contact = office.desk.a_contact(client)
    given = office.desk.grant(client, contact, role="physician")
    office.let("family", "family", PRELIMINARY)
    whose = {"client_id": client["id"], "person_id": contact["id"]}
    return whose | {"role": "family", "version": given["version"]}


def own_portal_account(office: Office) -> dict[str, Any]:
    office.let("employee", "employee", PRELIMINARY)
    person = office.desk.a_person("employee")
    return {"person_id": person["id"], "realm": "employee", "role": "employee"}


def _pickup_code(office: Office) -> dict[str, Any]:
    office.let("employee", "employee", PRELIMINARY)
    return {"person_id": office.desk.a_person("employee")["id"]}


def _supervision(office: Office) -> dict[str, Any]:
    made = office.identity.call(
        people.create_person_account,
        office.admin,
        person_id=office.desk.a_person("employee")["id"],
        realm="employee",
        role="employee",
    )
    office.let("employee", "supervisor", PRELIMINARY)
    person = office.desk.a_person("employee")
    return {"account_id": made["id"], "person_id": person["id"], "kind": "supervisor"}


def _stand_in(office: Office) -> dict[str, Any]:
    supervision = _supervision(office)
    office.identity.call(relationships.set_account_relationship, office.admin, **supervision)
    person = office.desk.a_person("employee", email="surrogate@example.org")
    office.identity.call(
        people.create_person_account, office.admin, person_id=person["id"], realm="employee", role="employee"
    )
    return {
        "account_id": supervision["account_id"],
        "login": "surrogate@example.org",
        "ends_at": "2090-01-01T00:00:00+00:00",
    }


def _patient(office: Office) -> dict[str, Any]:
    person = office.desk.a_person("patient", email="rose@example.org", postal_code="02139")
    request = {"person_id": person["id"], "attests_email_is_private": True}
    office.identity.call(patients.enable_patient_access, office.admin, **request)
    return {"person_id": person["id"]}


def _credentials(office: Office) -> dict[str, Any]:
    return _patient(office) | {"username": "rose.quay", "password": PASSWORD}


def _patient_address(office: Office) -> dict[str, Any]:
    request = _patient(office)
    version = office.identity.call(patients.get_patient_access, office.admin, **request)["version"]
    new = {"email": "new@example.org", "confirm": True, "attests_email_is_private": True}
    return request | new | {"version": version}


def _family_login(office: Office) -> dict[str, Any]:
    client = office.desk.a_client()
    office.desk.grant(client, role="physician")
    return {"client_id": client["id"], "person_id": client["id"], "email": "new@example.org"}


def _account_address(office: Office) -> dict[str, Any]:
    account = office.identity.an_account()
    return {"account_id": account["id"], "version": account["version"], "email": "new@example.org"}


def _family_record(office: Office) -> dict[str, Any]:
    person_id = _family_login(office)["person_id"]
    version = office.identity.call(people.get_person, office.admin, person_id=person_id)["version"]
    return {"person_id": person_id, "email": "new@example.org", "version": version}


CASES = {
    "create_account": Case("record.create", _new_account),
    "set_security_level": Case("audit.read", _level),
    "enable_account": Case("record.create", _enabled),
    "assign_resource": Case("referral.read", _resource),
    "set_provider_switches": Case("capacity.edit", _switches),
    "create_api_client": Case("record.read", _new_client),
    "change_api_client": Case("record.read", _changed_client),
    "rotate_api_secret": Case("record.read", _secret),
    "set_realm_settings": Case("audit.read", _realm),
    "create_role": Case(PRELIMINARY, new_role),
    "edit_role": Case("chart.merge", _role),
    "set_role_second_factor": Case("record.create", _demand),
    "reset_second_factor": Case("record.create", _somebody, then="second_factor_is_off"),
    "create_identity_provider": Case("audit.read", _new_provider),
    "change_identity_provider": Case("audit.read", _provider),
    "link_account_outside_identity": Case("record.create", _outside_link),
    "set_portal_entry": Case(PRELIMINARY, _entry),
    "add_family_access": Case(PRELIMINARY, _family_access),
    "change_family_access": Case(PRELIMINARY, _other_family_access),
    "create_person_account": Case(PRELIMINARY, own_portal_account),
    "create_pickup_code": Case("person.read", _pickup_code),
    "send_pickup_code": Case("person.read", _pickup_code),
    "set_account_relationship": Case(PRELIMINARY, _supervision),
    "set_person_relationship": Case(PRELIMINARY, _supervision),
    "let_stand_in": Case(PRELIMINARY, _stand_in),
    "set_patient_credentials": Case("person.read", _credentials),
    "change_patient_email": Case("person.read", _patient_address),
    "change_family_login": Case("person.read", _family_login),
    "edit_person": Case("person.read", _family_record),
    "edit_account": Case("record.create", _account_address),
}
