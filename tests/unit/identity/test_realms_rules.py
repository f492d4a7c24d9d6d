"""Permissions of roles and of accounts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import all_operations
from services.contracts.errors import Refused
from services.contracts.identity import accounts as contract
from services.identity.realms import rules

OFF = {"can_edit_capacity": False, "can_change_status": False}
OPEN = ("provider_portal", "referralq")


@pytest.mark.parametrize("permission", ["queue.read", "capacity.edit", "referral.assign", "referral.note"])
def test_without_referralq_its_permissions_are_held_and_not_in_force(permission: str) -> None:
    held = [permission, "record.create", "directory.read", "account.manage"]
    assert rules.in_force(held, ["electronic_signature"]) == [
        "account.manage",
        "directory.read",
        "record.create",
    ]
    assert rules.in_force(held, ["referralq"]) == sorted(held)
    assert rules.effective_permissions("staff", held, {}, []) == sorted(held)


def test_every_security_level_has_a_default_role() -> None:
    assert set(rules.DEFAULT_ROLES) == set(contract.SECURITY_LEVELS)


def test_every_permission_an_operation_asks_for_is_known() -> None:
    asked = {operation.access.permission for operation in all_operations(CONTRACTS)} - {None}
    assert asked <= rules.PERMISSIONS | rules.PROFILE_PERMISSIONS


def test_roles_hold_known_permissions_only() -> None:
    for _, permissions in rules.DEFAULT_ROLES.values():
        assert permissions <= rules.PERMISSIONS


def test_an_administrator_holds_everything_but_signing() -> None:
    assert rules.DEFAULT_ROLES["admin"][1] == rules.PERMISSIONS - {"document.sign"}


def test_who_holds_which_permission_in_a_new_organisation() -> None:
    everybody = "trainee standard supervisor admin"
    lowest = {
        everybody: "directory.read capacity.read queue.read record.create record.read referral.read",
        "standard supervisor admin": "capacity.edit referral.assign referral.change_status referral.note "
        "document.send document.read access.break_glass published_item.publish appointment.manage "
        "portal_queue.work",
        "supervisor admin": "directory.import queue.manage account.read delivery.read person.read "
        "questionnaire.read_answers",
        "admin": "account.manage organisation.manage portal.configure audit.read access.explain person.manage "
        "chart.merge portal.manage_chart_tabs portal.view_preliminary_documents "
        "workflow.manage_family_portal_access consent.manage questionnaire.manage observation.read",
    }
    expected = {level: set[str]() for level in everybody.split()}
    for levels, permissions in lowest.items():
        for level in levels.split():
            expected[level] |= set(permissions.split())
    provider = "queue.read referral.read referral.note capacity.read document.read document.sign"
    expected["provider_portal_user"] = set(provider.split())
    held = {level: set(permissions) for level, (_, permissions) in rules.DEFAULT_ROLES.items()}
    assert held == expected
    assert {level for level, (realm, _) in rules.DEFAULT_ROLES.items() if realm == "provider"} == {
        "provider_portal_user"
    }


def test_the_roles_of_the_portals_in_a_new_organisation() -> None:
    own = rules.PROFILE_PERMISSIONS - {"portal.view_preliminary_documents"}
    held = {key: permissions for key, (_, permissions) in rules.DEFAULT_PORTAL_ROLES.items()}
    whole = [
        ("family", "patient"),
        ("patient", "patient"),
        ("patient", "proxy"),
        ("employee", "employee"),
        ("applicant", "applicant"),
    ]
    assert held == dict.fromkeys(whole, own) | {
        ("family", "family"): rules._RELATIVE,
        ("family", "physician"): rules._PHYSICIAN,
        ("employee", "supervisor"): {"profile.view_demographics", "profile.view_schedule"},
    }


@pytest.mark.parametrize(
    ("given", "held", "missing"),
    [
        (["audit.read", "chart.merge"], ["chart.merge"], ["audit.read"]),
        (["profile.view_vitals", "profile.view_forms"], [], ["person.read"]),
        (["profile.view_vitals"], ["person.read"], []),
        (["document.sign"], [], []),
    ],
)
def test_what_somebody_lacks_to_give_a_right(given: list[str], held: list[str], missing: list[str]) -> None:
    assert rules.missing_to_give(given, held) == missing


@pytest.mark.parametrize("code", ["admin", "supervisor"])
@pytest.mark.parametrize("realm", ["staff", "provider"])
def test_only_the_administrators_role_must_keep_its_right(realm: str, code: str) -> None:
    def check(*wanted: str) -> None:
        rules.check_permissions(realm, code, wanted, rules.PERMISSIONS)

    check("organisation.manage", "audit.read")
    if (realm, code) != ("staff", "admin"):
        check("audit.read")
        return
    with pytest.raises(Refused, match="invalid_request"):
        check("audit.read")


@pytest.mark.parametrize(
    ("realm", "wanted", "unknown"),
    [
        ("staff", ["audit.read", "profile.view_vitals"], ["profile.view_vitals"]),
        ("provider", ["profile.view_vitals"], ["profile.view_vitals"]),
        ("family", ["audit.read", "profile.view_vitals"], ["audit.read"]),
        ("applicant", ["nothing.at_all"], ["nothing.at_all"]),
    ],
)
def test_a_role_holds_only_what_its_realm_knows(realm: str, wanted: list[str], unknown: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        rules.check_permissions(realm, "somebody", wanted, rules.PERMISSIONS)
    assert (refused.value.field, refused.value.more) == ("permissions", {"unknown": unknown})


@pytest.mark.parametrize("realm", rules.REALMS)
def test_who_may_log_in_with_a_username(realm: str) -> None:
    by_name = rules.RealmRules(login_id="username")
    rules.check_realm_rules(realm, rules.RealmRules())
    if realm in ("patient", "employee", "applicant"):
        rules.check_realm_rules(realm, by_name)
        return
    with pytest.raises(Refused) as refused:
        rules.check_realm_rules(realm, by_name)
    assert refused.value.field == "login_id"


@pytest.mark.parametrize("features", [(), ("referralq",), ("provider_portal",)])
def test_a_provider_may_do_nothing_while_the_portal_is_closed(features: tuple[str, ...]) -> None:
    held = rules.DEFAULT_ROLES["provider_portal_user"][1]
    switched = rules.switched_on(SimpleNamespace(**dict.fromkeys(OFF, True)))
    assert rules.effective_permissions("provider", held, switched, features) == []


@pytest.mark.parametrize(
    ("switch", "permission"),
    [
        pytest.param("can_edit_capacity", "capacity.edit", marks=pytest.mark.seed("S0-22")),
        pytest.param("can_change_status", "referral.change_status", marks=pytest.mark.seed("S0-23")),
    ],
)
def test_a_switch_gives_a_provider_its_permission_and_takes_it(switch: str, permission: str) -> None:
    held = rules.DEFAULT_ROLES["provider_portal_user"][1]
    off = rules.switched_on(SimpleNamespace(**OFF))
    on = rules.switched_on(SimpleNamespace(**OFF | {switch: True}))
    assert permission not in rules.effective_permissions("provider", held | {permission}, off, OPEN)
    assert permission in rules.effective_permissions("provider", held, on, OPEN)
    assert (off, on) == ([], [permission])


def test_what_relatives_and_physicians_see_of_a_profile() -> None:
    def seen(permissions: frozenset[str]) -> list[str]:
        return sorted(each.removeprefix("profile.") for each in permissions)

    assert seen(rules._RELATIVE) == [
        "send_messages",
        "view_contacts",
        "view_demographics",
        "view_schedule",
        "view_staff_names",
    ]
    assert seen(rules._PHYSICIAN) == [
        "view_demographics",
        "view_documents",
        "view_forms",
        "view_medications",
        "view_vitals",
    ]
    assert "portal.view_preliminary_documents" not in rules._OWN
    assert len(rules._OWN) == len(rules.PROFILE_PERMISSIONS) - 1
