"""Roles, features and counted tries."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import all_operations
from services.contracts.errors import Refused
from services.contracts.identity import accounts as contract
from services.identity.accounts import rules as account_rules
from services.identity.organisations import rules as feature_rules
from services.identity.realms import rules
from services.identity.secrets import rules as limits

START = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
OFF = {"can_edit_capacity": False, "can_change_status": False}
OPEN = ("provider_portal", "referralq")


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


@pytest.mark.seed("S0-5")
def test_the_provider_portal_needs_referralq() -> None:
    with pytest.raises(Refused) as refusal:
        feature_rules.checked_features(["provider_portal"])
    assert refusal.value.code == "feature_needs_another"
    assert feature_rules.checked_features(["referralq", "provider_portal", "referralq"]) == [
        "provider_portal",
        "referralq",
    ]


@pytest.mark.seed("S0-17")
@pytest.mark.parametrize("features", [(), ("referralq",), ("provider_portal",)])
def test_a_provider_may_do_nothing_while_the_portal_is_closed(features: tuple[str, ...]) -> None:
    held = rules.DEFAULT_ROLES["provider_portal_user"][1]
    assert rules.effective_permissions("provider", held, dict.fromkeys(OFF, True), features) == []


@pytest.mark.parametrize(
    ("switch", "permission"),
    [
        pytest.param("can_edit_capacity", "capacity.edit", marks=pytest.mark.seed("S0-22")),
        pytest.param("can_change_status", "referral.change_status", marks=pytest.mark.seed("S0-23")),
    ],
)
def test_a_switch_gives_a_provider_its_permission_and_takes_it(switch: str, permission: str) -> None:
    held = rules.DEFAULT_ROLES["provider_portal_user"][1]
    assert permission not in rules.effective_permissions("provider", held | {permission}, OFF, OPEN)
    assert permission in rules.effective_permissions("provider", held, OFF | {switch: True}, OPEN)


def test_the_first_tries_are_free_and_the_next_wait_longer_and_longer() -> None:
    tries, waits = limits.Tries(), []
    now = START
    for _ in range(9):
        admission = limits.admit_try(tries, now, limits.LOGIN_LIMIT)
        while not admission.is_allowed:
            waits.append(admission.retry_after_s)
            now += datetime.timedelta(seconds=admission.retry_after_s)
            admission = limits.admit_try(tries, now, limits.LOGIN_LIMIT)
        tries = admission.tries
    assert len(waits) == 6
    assert waits == sorted(set(waits))


def test_a_refused_try_is_not_counted_so_nobody_can_keep_the_owner_out() -> None:
    tries = limits.Tries(10, 10, START)
    for second in range(0, 900, 10):
        admission = limits.admit_try(tries, START + datetime.timedelta(seconds=second), limits.LOGIN_LIMIT)
        assert not admission.is_allowed
        tries = admission.tries
    assert limits.admit_try(tries, START + datetime.timedelta(seconds=900), limits.LOGIN_LIMIT).is_allowed


def test_after_a_hundred_failures_in_a_row_waiting_does_not_help() -> None:
    tries = limits.Tries(1, 100, START)
    assert not limits.admit_try(tries, START + datetime.timedelta(days=30), limits.LOGIN_LIMIT).is_allowed


@given(st.lists(st.integers(min_value=0, max_value=1200), max_size=120))
def test_no_quarter_of_an_hour_ever_holds_more_than_ten_verifications(gaps_s: list[int]) -> None:
    tries, now, allowed = limits.Tries(), START, []
    for gap in gaps_s:
        now += datetime.timedelta(seconds=gap)
        admission = limits.admit_try(tries, now, limits.LOGIN_LIMIT)
        tries = admission.tries
        if admission.is_allowed:
            allowed.append(now)
    quarter = datetime.timedelta(seconds=900)
    for index, first in enumerate(allowed):
        assert sum(moment - first < quarter for moment in allowed[index:]) <= 10
    assert len(allowed) <= 100


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        ("Sam", "Fisher", "Sam F."),
        ("  Sam  Lee ", " fisher", "Sam Lee F."),
        ("Åsa", "E\u0301mile", "Åsa É."),
        ("Sam", None, "Sam"),
        ("Sam", " ", "Sam"),
        (None, "Fisher", None),
        (None, None, None),
    ],
)
def test_an_author_is_called_by_first_name_and_initial(
    first: str | None, last: str | None, shown: str | None
) -> None:
    assert account_rules.author_name(first, last) == shown
