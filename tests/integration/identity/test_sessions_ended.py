"""Sessions that people and administrators see and end; changing one's password; fresh proof."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from services.contracts.errors import Refused
from services.contracts.identity import credentials, login, sessions
from services.identity.passports.standing import Standing
from tests.integration.identity.conftest import ADMIN, PASSWORD, Identity

START = 1_900_000_000.0
NEW_PASSWORD = "copper kettle under snow"


def is_in(identity: Identity, token: str) -> bool:
    """Whether the next request with this token is accepted."""
    try:
        return bool(identity.caller(token))
    except Refused as refusal:
        return refusal.code != "unauthenticated"


def test_a_person_sees_the_own_sessions_and_nothing_of_where_they_are_used(identity: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:
        first = identity.log_in()["token"]
        clock.shift(60)
        second = identity.log_in()["token"]
        items = identity.call(sessions.list_my_sessions, identity.caller(second))["items"]
        assert [item["is_current"] for item in items] == [True, False]
        assert set(items[0]) == {"id", "created_at", "last_seen_at", "expires_at", "is_current"}
        assert is_in(identity, first)


@pytest.mark.fault("A10")
def test_ending_one_session_holds_from_its_next_request_on(identity: Identity) -> None:
    here, there = identity.log_in()["token"], identity.log_in()["token"]
    caller = identity.caller(here)
    other = next(
        item for item in identity.call(sessions.list_my_sessions, caller)["items"] if not item["is_current"]
    )
    identity.call(sessions.end_my_session, caller, session_id=other["id"])
    assert (is_in(identity, here), is_in(identity, there)) == (True, False)
    again = identity.refused(sessions.end_my_session, caller, session_id=other["id"])
    assert (again.code, again.field) == ("not_found", "session_id")


@pytest.mark.fault("A10")
def test_all_others_end_and_this_one_goes_on(identity: Identity) -> None:
    tokens = [identity.log_in()["token"] for _ in range(4)]
    assert identity.call(sessions.end_my_other_sessions, identity.caller(tokens[2]))["ended"] == 3
    assert [is_in(identity, token) for token in tokens] == [False, False, True, False]


def test_nobody_ends_another_ones_session_by_its_id(identity: Identity) -> None:
    account = identity.an_account()
    theirs = identity.log_in(account["login"])["token"]
    session_id = identity.caller(theirs).session_id
    assert (
        identity.refused(sessions.end_my_session, identity.admin(), session_id=session_id).code == "not_found"
    )
    assert is_in(identity, theirs)


@pytest.mark.fault("A10")
def test_an_administrator_lists_and_ends_the_sessions_of_an_account(identity: Identity) -> None:
    account, admin = identity.an_account(), identity.admin()
    first, second = (identity.log_in(account["login"])["token"] for _ in range(2))
    listed = identity.call(sessions.list_account_sessions, admin, account_id=account["id"])["items"]
    assert [item["is_current"] for item in listed] == [False, False]
    assert len(identity.audit("session.listed")) == 1
    session_id = identity.caller(first).session_id
    end = {"account_id": account["id"], "session_id": session_id}
    assert identity.call(sessions.end_account_sessions, admin, **end)["ended"] == 1
    assert (is_in(identity, first), is_in(identity, second)) == (False, True)
    assert identity.call(sessions.end_account_sessions, admin, account_id=account["id"])["ended"] == 1
    assert not is_in(identity, second)


def test_another_organisations_sessions_are_not_there(identity: Identity) -> None:
    identity.an_organisation("bayside")
    account, stranger = identity.an_account(), identity.admin("bayside")
    token = identity.log_in(account["login"])["token"]
    for operation in (sessions.list_account_sessions, sessions.end_account_sessions):
        assert identity.refused(operation, stranger, account_id=account["id"]).code == "not_found"
    assert is_in(identity, token)


@pytest.mark.fault("A10")
def test_a_changed_password_ends_all_sessions_but_the_one_it_was_changed_in(identity: Identity) -> None:
    here, there = identity.log_in()["token"], identity.log_in()["token"]
    change: dict[str, Any] = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    identity.call(credentials.change_my_password, identity.caller(here), **change)
    assert (is_in(identity, here), is_in(identity, there)) == (True, False)
    assert identity.log_in(ADMIN, NEW_PASSWORD)
    old = identity.refused(login.log_in, organisation="harbor", login=ADMIN, password=PASSWORD)
    assert old.code == "credentials_refused"
    assert len(identity.audit("credential.password_set")) == 2


def test_the_old_password_is_asked_for_and_tries_are_counted_by_session(identity: Identity) -> None:
    """Who guesses in a session that was left open does not keep its owner out elsewhere."""
    caller = identity.admin()
    answers = [
        identity.refused(
            credentials.change_my_password, caller, password="wrong " + PASSWORD, new_password=NEW_PASSWORD
        ).code
        for _ in range(15)
    ]
    assert answers[0] == "proof_refused"
    assert answers[-1] == "too_many_requests"
    assert answers.count("proof_refused") <= 10
    right = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    assert identity.refused(credentials.change_my_password, caller, **right).code == "too_many_requests"
    identity.call(credentials.change_my_password, identity.admin(), **right)
    assert identity.log_in(ADMIN, NEW_PASSWORD)


@pytest.mark.parametrize(
    ("new", "reason"), [(PASSWORD, None), ("short", "too_short"), ("harborcounty2024", "context")]
)
def test_a_password_that_may_not_be_used_is_refused_with_the_reason(
    identity: Identity, new: str, reason: str | None
) -> None:
    refusal = identity.refused(
        credentials.change_my_password, identity.admin(), password=PASSWORD, new_password=new
    )
    assert (refusal.code, refusal.field) == ("password_refused", "new_password")
    assert refusal.more.get("reason") == reason


def test_a_passport_says_when_its_person_was_proven(identity: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:
        token, another = identity.log_in()["token"], identity.log_in()["token"]
        assert identity.caller(token).proven_at == START
        clock.shift(600)
        wrong = identity.refused(login.prove_myself, identity.caller(token), password="wrong " + PASSWORD)
        assert (wrong.code, wrong.field) == ("proof_refused", "password")
        assert identity.caller(token).proven_at == START
        assert identity.refused(login.prove_myself, identity.caller(token)).field == "password"
        identity.call(login.prove_myself, identity.caller(token), password=PASSWORD)
        assert identity.caller(token).proven_at == START + 600
        assert identity.caller(another).proven_at == START, "of this session alone"
        account_id = identity.caller(token).id
        trail = [row.object_id for row in identity.audit("session.proof_refused")]
        assert trail == [row.object_id for row in identity.audit("session.proven")] == [account_id]


def test_a_session_that_was_never_proven_is_not_let_to_what_is_sensitive() -> None:
    assert Standing("s", None, "a", "o", "k", "staff", [], []).claims("identity")["prov"] is None  # type: ignore[arg-type]


@pytest.mark.seed("S0-6")
@pytest.mark.parametrize("level", ["provider_portal_user", "standard"])
def test_providers_and_staff_are_held_to_the_same_password_and_lock_out_rules(
    identity: Identity, level: str
) -> None:
    account = identity.an_account(level)
    caller = identity.caller(identity.log_in(account["login"])["token"])
    weak = identity.refused(credentials.change_my_password, caller, password=PASSWORD, new_password="short")
    assert (weak.code, weak.more["reason"]) == ("password_refused", "too_short")
    with time_machine.travel(START, tick=False):
        answers = [
            identity.refused(
                login.log_in, organisation="harbor", login=account["login"], password="wrong " + PASSWORD
            ).code
            for _ in range(6)
        ]
        right = {"organisation": "harbor", "login": account["login"], "password": PASSWORD}
        assert identity.refused(login.log_in, **right).code == "too_many_requests"
    assert answers == ["credentials_refused"] * 3 + ["too_many_requests"] * 3
