"""Realms and their roles as data."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.contracts.identity import (
    family,
    realms,
    second_factor,
)
from services.contracts.identity import people as people_contract
from services.identity.models import Role, RolePermission
from services.identity.realms.rules import DEFAULTS, PERMISSIONS, PORTAL_REALMS, PROFILE_PERMISSIONS
from tests.integration.identity.conftest import Identity
from tests.integration.identity.family import Desk

START = datetime.datetime(2030, 1, 1, 9, tzinfo=datetime.UTC)


@pytest.fixture
def desk(identity: Identity) -> Desk:
    return Desk(identity)


def iso(moment: datetime.datetime) -> str:
    return moment.isoformat()


def test_the_settings_of_a_realm_hold_for_its_sessions_only(desk: Desk) -> None:
    admin = desk.identity.admin()
    with time_machine.travel(START, tick=False) as clock:
        client = desk.a_client()
        login = desk.grant(client)["login"]
        desk.first_sign_in(login)
        changed = desk.identity.call(
            realms.set_realm_settings,
            admin,
            version=1,
            realm="family",
            session_idle_minutes=5,
            session_absolute_hours=1,
            temporary_password_days=2,
        )
        assert (changed["version"], changed["login_id"]) == (2, "email")
        (row,) = desk.identity.audit("realm.changed")
        assert (row.object_id, row.facts) == (
            "family",
            {"members": ["session_absolute_hours", "session_idle_minutes", "temporary_password_days"]},
        )
        answer = desk.sign_in(login)
        assert answer["expires_at"] == iso(START + datetime.timedelta(hours=1))
        staff_token = desk.identity.log_in()["token"]
        clock.shift(datetime.timedelta(minutes=5))
        desk.identity.caller(staff_token)
        assert not desk.identity.holds(answer["token"])
        desk.grant(desk.a_client())
        assert desk.mint()["lifetime_minutes"] == 2 * 24 * 60


def test_what_a_realm_cannot_have_is_refused_with_the_field(desk: Desk) -> None:
    admin = desk.identity.admin()

    def refused(**wanted: Any) -> tuple[str, str | None]:
        refusal = desk.identity.refused(realms.set_realm_settings, admin, version=1, **wanted)
        return refusal.code, refusal.field

    assert refused(realm="family", login_id="username") == ("invalid_request", "login_id")
    assert refused(realm="staff", login_id="username") == ("invalid_request", "login_id")
    assert refused(realm="staff", allowed_networks=["somewhere"]) == ("invalid_request", "allowed_networks")
    assert refused(realm="family", temporary_password_days=0)[0] == "invalid_request"
    person = desk.a_person("patient", email="rose@example.org", postal_code="02139")
    desk.identity.call(
        people_contract.create_person_account,
        admin,
        person_id=person["id"],
        realm="patient",
        role="patient",
        login="rose41",
        attests_email_is_private=True,
    )
    assert refused(realm="patient", login_id="email") == ("realm_has_accounts", "login_id")
    stale = desk.identity.refused(
        realms.set_realm_settings, admin, version=3, realm="family", pickup_code_days=9
    )
    assert stale.code == "version_conflict"
    items = desk.identity.call(realms.list_realm_settings, admin)["items"]
    assert {item["realm"]: item["login_id"] for item in items} == {
        realm: each.login_id for realm, each in DEFAULTS.items()
    }


def test_roles_of_a_portal_are_data_and_hold_no_right_of_the_staff(desk: Desk) -> None:
    admin = desk.identity.admin()
    role = {"realm": "family", "code": "neighbour", "name": "Neighbour"}
    refusal = desk.identity.refused(realms.create_role, admin, permissions=["person.read"], **role)
    assert (refusal.code, refusal.field) == ("invalid_request", "permissions")
    made = desk.identity.call(realms.create_role, admin, permissions=["profile.view_schedule"], **role)
    taken = desk.identity.refused(realms.create_role, admin, permissions=[], **role)
    assert taken.code == "role_taken"
    client = desk.a_client()
    login = desk.grant(client, role="neighbour")["login"]
    assert desk.first_sign_in(login).permissions == {"profile.view_schedule"}
    edited = desk.identity.call(
        realms.edit_role,
        admin,
        version=made["version"],
        role_id=made["id"],
        permissions=["profile.view_documents", "profile.view_schedule"],
    )
    caller = desk.identity.caller(desk.sign_in(login)["token"])
    assert caller.permissions == {"profile.view_documents", "profile.view_schedule"}
    version = edited["version"]
    change = {"role_id": made["id"], "is_disabled": True}
    assert desk.identity.refused(realms.edit_role, admin, version=version, **change).code == "role_in_use"
    ids = {"client_id": client["id"], "person_id": client["id"]}
    desk.call(family.remove_family_access, confirm=True, **ids)
    desk.identity.call(realms.edit_role, admin, version=version, **change)
    assert desk.refused(family.add_family_access, role="neighbour", **ids) == "invalid_request"
    (changed, _) = desk.identity.audit("role.changed")
    assert changed.facts["before"] == ["profile.view_schedule"]


def test_a_right_of_the_staff_in_a_role_of_a_portal_opens_nothing(desk: Desk) -> None:
    client = desk.a_client()
    login = desk.grant(client, role="family")["login"]
    organisation_id = desk.identity.harbor.organisation_id

    def slip_in(session: Session) -> None:
        role_id = session.scalars(select(Role.id).where(Role.realm == "family", Role.code == "family")).one()
        session.add(
            RolePermission(organisation_id=organisation_id, role_id=role_id, permission="person.read")
        )
        session.commit()

    desk.identity.database.write(organisation_id, slip_in)
    caller = desk.first_sign_in(login)
    assert "profile.view_schedule" in caller.permissions
    assert not caller.may("person.read")


def test_the_administrators_role_cannot_lose_the_right_to_edit_roles(desk: Desk) -> None:
    admin = desk.identity.admin()
    roles = desk.identity.call(realms.list_roles, admin)["items"]
    role = next(each for each in roles if each["code"] == "admin")
    kept = [each for each in role["permissions"] if each != "organisation.manage"]
    refusal = desk.identity.refused(
        realms.edit_role, admin, version=role["version"], role_id=role["id"], permissions=kept
    )
    assert (refusal.code, refusal.field) == ("invalid_request", "permissions")
    assert {each["realm"] for each in roles} == PORTAL_REALMS | {"staff", "provider"}


def test_roles_are_listed_by_realm_and_code_with_what_each_realm_may_hold(desk: Desk) -> None:
    admin = desk.identity.admin()
    role = {"realm": "family", "code": "aunt", "name": "Aunt", "permissions": ["profile.view_vitals"]}
    made = desk.identity.call(realms.create_role, admin, **role)
    everything = desk.identity.call(realms.list_roles, admin)
    keys = [(each["realm"], each["code"]) for each in everything["items"]]
    assert keys == sorted(keys)
    assert set(everything["permissions"]) == {realm for realm, _ in keys}
    family = desk.identity.call(realms.list_roles, admin, realm="family")
    assert family["items"][0] == role | {
        "id": made["id"],
        "version": 1,
        "is_disabled": False,
        "second_factor_required": False,
    }
    assert {each["realm"] for each in family["items"]} == {"family"}
    assert family["permissions"] == {"family": sorted(PROFILE_PERMISSIONS)}
    assert everything["permissions"]["staff"] == sorted(PERMISSIONS)


def test_one_realm_and_one_role_are_read_as_the_lists_have_them(desk: Desk) -> None:
    admin, call = desk.identity.admin(), desk.identity.call
    call(realms.set_realm_settings, admin, version=1, realm="patient", session_idle_minutes=7)
    for each in call(realms.list_realm_settings, admin)["items"]:
        assert call(realms.get_realm_settings, admin, realm=each["realm"]) == each
    call(second_factor.set_role_second_factor, admin, security_level="trainee", is_required=True)
    roles = call(realms.list_roles, admin)["items"]
    assert [role["code"] for role in roles if role["second_factor_required"]] == ["trainee"]
    for role in roles:
        assert call(realms.get_role, admin, role_id=role["id"]) == role
    assert desk.identity.refused(realms.get_role, admin, role_id="0" * 32).code == "not_found"
