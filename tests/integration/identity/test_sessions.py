"""Log-ins, sessions and passports."""

from __future__ import annotations

import datetime

import pytest
import time_machine
from sqlalchemy import event, select

from services.contracts.identity import accounts, passports, sessions
from services.identity.sessions.models import LoginSession
from tests.integration.identity.conftest import Identity

START = 1_900_000_000.0


@pytest.mark.fault("A10")
def test_a_session_ends_after_fifteen_idle_minutes(identity: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:
        token = identity.log_in()["token"]
        for _ in range(4):
            clock.shift(14 * 60)
            assert identity.caller(token)
            identity.flush_seen()
        clock.shift(15 * 60)
        assert not identity.holds(token)


@pytest.mark.fault("A10")
def test_a_session_ends_after_twelve_hours_however_busy(identity: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:
        token = identity.log_in()["token"]
        for _ in range(71):
            clock.shift(10 * 60)
            assert identity.caller(token)
            identity.flush_seen()
        clock.shift(10 * 60)
        assert not identity.holds(token)


def test_what_a_page_asks_by_itself_keeps_no_session_alive(identity: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:
        token = identity.log_in()["token"]
        asked = [{"token": token, "audience": "identity", "is_background": True}]
        for _ in range(14):
            clock.shift(60)
            assert identity.call(passports.issue_passports, asked=asked)["passports"][0]["passport"]
            identity.flush_seen()
        clock.shift(60)
        assert not identity.holds(token)


def test_who_is_signed_in_hears_when_the_session_ends(identity: Identity) -> None:
    def ends() -> tuple[float, float]:
        identity.flush_seen()
        me = identity.call(passports.describe_me, identity.caller(token))
        return tuple(
            datetime.datetime.fromisoformat(me[name]).timestamp() - START
            for name in ("idle_ends_at", "expires_at")
        )

    with time_machine.travel(START, tick=False) as clock:
        token = identity.log_in()["token"]
        assert ends() == (15 * 60, 12 * 3600)
        clock.shift(60)
        identity.caller(token)
        assert ends() == (16 * 60, 12 * 3600)
        for _ in range(71):
            clock.shift(10 * 60)
            identity.caller(token)
            identity.flush_seen()
        assert ends() == (12 * 3600, 12 * 3600)  # the end of all use comes first


def test_the_last_use_is_written_at_most_every_thirty_seconds(identity: Identity) -> None:
    def last_seen() -> float:
        identity.flush_seen()
        with identity.database.reading(None) as session:
            return session.scalars(select(LoginSession.last_seen_at)).one().timestamp()

    with time_machine.travel(START, tick=False) as clock:
        token = identity.log_in()["token"]
        clock.shift(29)
        identity.caller(token)
        assert last_seen() == START
        clock.shift(1)
        identity.caller(token)
        assert last_seen() == START + 30


def test_a_passport_takes_one_statement_and_no_write(identity: Identity) -> None:
    token = identity.log_in(identity.a_provider("1" * 32)["login"])["token"]
    seen: list[str] = []
    event.listen(
        identity.database.engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: seen.append(statement),
    )
    assert identity.holds(token)
    assert [statement.split()[0] for statement in seen if not statement.startswith("BEGIN")] == ["SELECT"]


def test_logging_out_ends_this_session_and_no_other(identity: Identity) -> None:
    first, second = identity.log_in()["token"], identity.log_in()["token"]
    identity.call(sessions.log_out, identity.caller(first))
    assert not identity.holds(first)
    assert identity.caller(second)
    assert len(identity.audit("session.ended")) == 1


@pytest.mark.fault("A10")
def test_disabling_and_a_change_of_level_end_all_sessions(identity: Identity) -> None:
    account = identity.an_account()
    token = identity.log_in(account["login"])["token"]
    version = identity.call(accounts.get_account, identity.admin(), account_id=account["id"])["version"]
    account = identity.call(
        accounts.set_security_level,
        identity.admin(),
        version=version,
        account_id=account["id"],
        security_level="trainee",
    )
    assert not identity.holds(token)
    token = identity.log_in(account["login"])["token"]
    identity.call(
        accounts.disable_account, identity.admin(), version=account["version"], account_id=account["id"]
    )
    assert not identity.holds(token)
    assert len(identity.events(accounts.account_disabled)) == 1


def test_a_guessed_token_lets_nobody_in(identity: Identity) -> None:
    assert not identity.holds("A" * 43)
