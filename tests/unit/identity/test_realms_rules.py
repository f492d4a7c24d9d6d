"""Permissions of roles and of accounts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import all_operations
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
