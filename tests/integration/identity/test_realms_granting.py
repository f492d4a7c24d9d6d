"""Nobody gives rights that they do not hold, and nobody changes their own: every operation whose declaration says `grants`."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete

from services.contracts.declare import Operation
from services.contracts.errors import Refused
from services.contracts.identity import (
    accounts,
    audit,
    contract,
    people,
    permissions,
    pickup_codes,
    realms,
    relationships,
    second_factor,
)
from services.identity.models import RolePermission
from services.identity.organisations.operator import restore_administrators
from services.identity.realms.rules import PERMISSIONS
from tests.integration.identity.conftest import Identity
from tests.integration.identity.granting import (
    CASES,
    GRANTING,
    PRELIMINARY,
    REFUSALS,
    Office,
    new_role,
    own_portal_account,
)


@pytest.fixture
def office(identity: Identity) -> Office:
    return Office(identity)


def test_every_operation_that_grants_is_tried() -> None:
    assert set(CASES) | {audit.break_glass.name} == set(GRANTING)


@pytest.mark.fault("A25")
@pytest.mark.parametrize("name", CASES)
def test_a_right_is_given_only_by_who_holds_it(office: Office, name: str) -> None:
    case = CASES[name]
    request = case.prepare(office)
    lesser, holder = office.giver(PERMISSIONS - {case.right}), office.giver(PERMISSIONS)
    refused = office.identity.refused(GRANTING[name], lesser, **request)
    assert refused.code in REFUSALS
    assert refused.more.get("missing", refused.more.get("refused")) == [case.right]
    assert office.attempt(name, holder, request) == case.then


@pytest.mark.fault("A25")
@pytest.mark.parametrize("operation", [pickup_codes.create_pickup_code, pickup_codes.send_pickup_code])
def test_a_code_opens_an_account_that_is_there_only_for_who_holds_what_its_portal_gives(
    office: Office, operation: Operation
) -> None:
    office.let("employee", "supervisor", PRELIMINARY)
    lesser = office.giver(PERMISSIONS - {PRELIMINARY})
    request = {"person_id": office.desk.a_person("employee")["id"]}
    office.identity.call(operation, lesser, **request)
    account = {"realm": "employee", "role": "employee"}
    office.identity.call(people.create_person_account, office.admin, **request, **account)
    refused = office.identity.refused(operation, lesser, **request)
    assert (refused.code, refused.field) == ("right_not_held", "person_id")
    assert refused.more["missing"] == [PRELIMINARY]
    office.identity.call(operation, office.giver(PERMISSIONS), **request)


@pytest.mark.fault("A25")
@pytest.mark.parametrize("level", ["trainee", "standard", "supervisor", "provider_portal_user"])
def test_no_level_gains_by_any_operation_what_it_does_not_hold(office: Office, level: str) -> None:
    """Also where the level may manage the organisation, its people, their accounts and access."""
    identity = office.identity
    managing = {each.access.permission for each in GRANTING.values()}
    realm = "provider" if level == "provider_portal_user" else "staff"
    office.let(realm, level, *(each for each in managing if each))
    account = identity.an_account(level)
    token = identity.log_in(account["login"])["token"]
    held = office.permissions_of(account["id"])
    everybody_before = {each: office.permissions_of(each) for each in office.workforce()}
    for name, case in CASES.items():
        if case.right in held:
            continue
        request = case.prepare(office)
        caller = identity.caller(token)
        assert office.attempt(name, caller, request) in (*REFUSALS, "own_rights"), name
    assert office.permissions_of(account["id"]) == held
    assert {each: office.permissions_of(each) for each in everybody_before} == everybody_before


@pytest.mark.fault("A25")
@pytest.mark.parametrize("level", ["trainee", "standard", "supervisor", "admin"])
def test_nobody_changes_their_own_level(office: Office, level: str) -> None:
    identity = office.identity
    office.let("staff", level, *PERMISSIONS)
    account = identity.an_account(level)
    caller = identity.caller(identity.log_in(account["login"])["token"])
    version = office.read(account["id"])["version"]
    for other in accounts.SECURITY_LEVELS:
        refused = identity.refused(
            accounts.set_security_level,
            caller,
            account_id=account["id"],
            security_level=other,
            version=version,
        )
        assert (refused.code, refused.field) == ("own_rights", "account_id")
    assert office.read(account["id"])["security_level"] == level


@pytest.mark.fault("A25")
def test_nobody_changes_the_permissions_of_their_own_role(office: Office) -> None:
    role = office.role("staff", "admin")
    request = {"role_id": role["id"], "version": role["version"]}
    fewer = [each for each in role["permissions"] if each != "chart.merge"]
    for wanted in (fewer, [*role["permissions"], "document.sign"]):
        refused = office.identity.refused(realms.edit_role, office.admin, permissions=wanted, **request)
        assert (refused.code, refused.field) == ("own_rights", "permissions")
    renamed = office.identity.call(realms.edit_role, office.admin, name="Director", **request)
    assert renamed["permissions"] == role["permissions"]


@pytest.mark.fault("A25")
def test_nobody_ends_the_demand_of_a_second_factor_for_their_own_level(office: Office) -> None:
    level = {"security_level": "admin"}
    # What is not demanded need not be ended, and a demand may be made.
    for is_required in (False, True):
        office.identity.call(
            second_factor.set_role_second_factor, office.admin, is_required=is_required, **level
        )
    refused = office.identity.refused(
        second_factor.set_role_second_factor, office.admin, is_required=False, **level
    )
    assert (refused.code, refused.field) == ("own_rights", "security_level")


@pytest.mark.fault("A25")
def test_a_provider_who_manages_accounts_gives_itself_nothing(office: Office) -> None:
    identity = office.identity
    office.let("provider", "provider_portal_user", *PERMISSIONS)
    provider = identity.a_provider()
    caller = identity.caller(identity.log_in(provider["login"])["token"])
    own = {"account_id": provider["id"]}
    switches = {"can_edit_capacity": True, "can_change_status": True, "can_access_details": True}
    attempts = [
        identity.refused(accounts.assign_resource, caller, resource_id="9" * 32, **own),
        identity.refused(accounts.set_provider_switches, caller, **own, **switches),
    ]
    assert [refused.code for refused in attempts] == ["own_rights", "own_rights"]


@pytest.mark.fault("A25")
@pytest.mark.parametrize("kind", relationships.RELATIONSHIP_KINDS)
def test_nobody_relates_their_own_account(office: Office, kind: str) -> None:
    request = {
        "account_id": office.admin.id,
        "person_id": office.desk.a_person("employee")["id"],
        "kind": kind,
    }
    for operation in (relationships.set_account_relationship, relationships.set_person_relationship):
        assert office.identity.refused(operation, office.admin, **request).code == "own_rights"


def _other_details(account: dict[str, Any]) -> dict[str, Any]:
    changes = [
        {"security_level": "trainee"},
        {"can_edit_capacity": False, "can_change_status": False, "can_access_details": False},
        {"assignment_id": "9" * 32},
        {"resource_id": "9" * 32},
        {"identity_id": "9" * 32},
        {"subject": "somebody"},
        {"last_name": "Quay"},
    ]
    return {name: value for each in changes for name, value in each.items()} | {"version": account["version"]}


CHANGING_ACCOUNTS = {
    name: each
    for name, each in contract.operations.items()
    if each.kind == "command"
    and each.is_routed
    and each.access.kind != "services"
    and getattr(each.request.fields.get("account_id"), "required", False)
    # A relationship changes no account; what it gives is tried above.
    and each.access != permissions.MANAGE_PEOPLE
}


@pytest.mark.fault("A25")
@pytest.mark.parametrize("name", CHANGING_ACCOUNTS)
def test_an_account_is_changed_only_by_who_holds_what_it_may_do(office: Office, name: str) -> None:
    operation = CHANGING_ACCOUNTS[name]
    provider = office.identity.a_provider(can_edit_capacity=True)
    for account, right in (
        (office.identity.an_account("admin"), "audit.read"),
        (provider, "referral.read"),
        (provider, "capacity.edit"),
    ):
        if account is not provider and "not_a_provider_account" in operation.errors:
            continue
        details = _other_details(account)
        wanted = {*operation.request.fields, *(["version"] if operation.expects_version else [])}
        request = {member: value for member, value in details.items() if member in wanted}
        request["account_id"] = account["id"]
        refused = office.identity.refused(operation, office.giver(PERMISSIONS - {right}), **request)
        assert (refused.code, refused.field) == ("right_not_held", "account_id"), (account["login"], right)
        assert refused.more["missing"] == [right]
        assert {**office.read(account["id"]), "actions": None} == {**account, "actions": None}


CHANGING_THROUGH_PERSONS = {
    name: each
    for name, each in contract.operations.items()
    if each.access == permissions.MANAGE_PEOPLE
    and {"person_id"} == {member for member in each.request.fields if member.endswith("_id")}
    and each.kind == "command"
    and each.grants is None
}


@pytest.mark.fault("A25")
@pytest.mark.parametrize("name", CHANGING_THROUGH_PERSONS)
def test_an_account_is_changed_through_its_person_only_by_who_holds_what_it_may_do(
    office: Office, name: str
) -> None:
    operation, holder = CHANGING_THROUGH_PERSONS[name], office.giver(PERMISSIONS)
    request = own_portal_account(office)
    account = office.identity.call(people.create_person_account, holder, **request)
    who = {"person_id": request["person_id"]}
    before = {"start_person_kind": people.end_person_kind, "enable_person": people.disable_person}

    def wanted(each: Any) -> dict[str, Any]:
        version = office.identity.call(people.get_person, holder, **who)["version"]
        kind = {"kind": "employee"} if "kind" in each.request.fields else {}
        return who | kind | ({"version": version} if each.expects_version else {})

    if name in before:
        office.identity.call(before[name], holder, **wanted(before[name]))
    as_it_was = office.read(account["id"]), office.identity.call(people.get_person, holder, **who)
    refused = office.identity.refused(
        operation, office.giver(PERMISSIONS - {PRELIMINARY}), **wanted(operation)
    )
    assert (refused.code, refused.field) == ("right_not_held", "person_id")
    assert (office.read(account["id"]), office.identity.call(people.get_person, holder, **who)) == as_it_was
    office.identity.call(operation, holder, **wanted(operation))


def test_the_operations_that_change_accounts_through_persons_are_found_by_their_declaration() -> None:
    assert {"start_person_kind", "end_person_kind", "enable_person", "disable_person"} == set(
        CHANGING_THROUGH_PERSONS
    )


@pytest.mark.parametrize("name", [*CHANGING_THROUGH_PERSONS, "edit_person"])
def test_a_change_of_a_person_shows_the_record_only_to_who_may_read_people(office: Office, name: str) -> None:
    person = office.desk.a_person("employee")
    operation = contract.operations[name]
    request = {"person_id": person["id"]} | (
        {"kind": "contact"} if "kind" in operation.request.fields else {}
    )
    version = {"version": person["version"]} if operation.expects_version else {}
    blind = office.giver(PERMISSIONS - {"person.read"})
    assert office.identity.refused(operation, blind, **request, **version).code == "forbidden"


def test_the_operations_that_change_an_account_are_found_by_their_declaration() -> None:
    assert {"disable_account", "edit_account", "end_account_sessions", "reset_second_factor"} < set(
        CHANGING_ACCOUNTS
    )


def test_an_administrator_is_lowered_only_by_who_holds_as_much(office: Office) -> None:
    admin = office.identity.an_account("admin")
    request = {"account_id": admin["id"], "security_level": "trainee", "version": admin["version"]}
    lesser = office.giver(PERMISSIONS - {"audit.read"})
    refused = office.identity.refused(accounts.set_security_level, lesser, **request)
    assert (refused.code, refused.more["missing"]) == ("right_not_held", ["audit.read"])
    assert (
        office.identity.call(accounts.set_security_level, office.admin, **request)["security_level"]
        == "trainee"
    )


def test_a_switch_that_is_off_gives_nothing(office: Office) -> None:
    lesser = office.giver(PERMISSIONS - {"referral.change_status"})
    own = {"can_edit_capacity": True, "can_access_details": True}
    provider = office.identity.a_provider(can_edit_capacity=True)
    stays = office.identity.call(
        accounts.set_provider_switches, lesser, account_id=provider["id"], can_change_status=False, **own
    )
    assert stays["switches"]["can_edit_capacity"]
    refused = office.identity.refused(
        accounts.set_provider_switches, lesser, account_id=provider["id"], can_change_status=True, **own
    )
    assert (refused.code, refused.field) == ("right_not_held", "can_change_status")


def test_a_role_that_was_disabled_is_given_back_only_by_who_holds_its_permissions(office: Office) -> None:
    made = office.identity.call(realms.create_role, office.admin, **new_role(office))
    off = office.identity.call(
        realms.edit_role, office.admin, role_id=made["id"], version=made["version"], is_disabled=True
    )
    request = {"role_id": made["id"], "version": off["version"], "is_disabled": False}
    lesser = office.giver(PERMISSIONS - {PRELIMINARY})
    assert office.identity.refused(realms.edit_role, lesser, **request).code == "right_not_held"
    assert not office.identity.call(realms.edit_role, office.admin, **request)["is_disabled"]


def test_the_operator_gives_administrators_back_what_nobody_holds_any_more(office: Office) -> None:
    identity = office.identity
    role = office.role("staff", "admin")
    with identity.database.reading(None) as session:
        session.execute(
            delete(RolePermission).where(
                RolePermission.role_id == role["id"], RolePermission.permission == "chart.merge"
            )
        )
        session.commit()
    for _ in range(2):
        lacked = restore_administrators(identity.database, organisation_key="harbor")
    assert lacked == []
    assert office.role("staff", "admin")["permissions"] == role["permissions"]
    assert office.role("staff", "admin")["version"] == role["version"] + 1
    with pytest.raises(Refused, match="not_found"):
        restore_administrators(identity.database, organisation_key="nowhere")
