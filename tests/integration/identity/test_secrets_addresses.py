"""Tries counted by address, and realms that are limited to networks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from sqlalchemy import or_, select
from structlog.testing import capture_logs

from services.contracts.errors import Refused
from services.contracts.identity import credentials as credentials_contract
from services.contracts.identity import login as login_contract
from services.contracts.identity import realms
from services.identity.housekeeping import retention
from services.identity.secrets.addresses import SUFFIX
from services.identity.secrets.models import Throttle
from services.identity.secrets.tries import FROM_ORIGIN
from tests.integration.identity.conftest import ADMIN, PASSWORD, Identity

START = 1_900_000_000.0
HERE, ELSEWHERE = "192.0.2.7", "198.51.100.9"
WRONG = "wrong " + PASSWORD


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were verified; none is right."""
    seen: list[str] = []
    monkeypatch.setattr(
        "services.identity.login.verification.password_matches",
        lambda password, _hash: bool(seen.append(password)),
    )
    return seen


def guess(identity: Identity, login: str, address: str | None = HERE) -> str:
    return identity.refused(
        login_contract.log_in, organisation="harbor", login=login, password=WRONG, client_address=address
    ).code


@pytest.mark.fault("A7")
def test_one_password_for_many_accounts_is_tried_thirty_times(
    either: Identity, verifications: list[str]
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        answers = [guess(either, f"person{number}@example.org") for number in range(200)]
        assert answers == ["credentials_refused"] * 30 + ["too_many_requests"] * 170
        assert len(verifications) == 30
        assert guess(either, "else@example.org", ELSEWHERE) == "credentials_refused"
        clock.shift(900)
        assert guess(either, "person1@example.org") == "credentials_refused"


@pytest.mark.fault("A6")
def test_fifty_addresses_get_no_more_tries_at_one_account(
    identity: Identity, clock: Any, verifications: list[str]
) -> None:
    for number in range(200):
        guess(identity, ADMIN, f"192.0.2.{number % 50}")
        clock.shift(4)
    assert len(verifications) <= 10
    assert len(identity.audit("session.refused")) + len(identity.audit("login.throttled")) == 200


@pytest.mark.fault("A26")
def test_wrong_passwords_from_one_address_do_not_keep_the_owner_out_at_another(
    either: Identity,
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        for _ in range(100):
            guess(either, ADMIN)
            clock.shift(10)
        assert guess(either, ADMIN) == "too_many_requests"
        assert either.log_in(client_address=ELSEWHERE)


@pytest.mark.fault("A26")
def test_an_origin_of_the_owner_is_let_through_whatever_fifty_strangers_try(
    identity: Identity, clock: Any
) -> None:
    assert identity.log_in(client_address=ELSEWHERE)
    clock.shift(3600)
    for number in range(100):
        guess(identity, ADMIN, f"192.0.2.{number % 50}")
        clock.shift(900)
    assert guess(identity, ADMIN, "203.0.113.5") == "too_many_requests"
    assert identity.log_in(client_address=ELSEWHERE)
    assert identity.log_in(client_address="203.0.113.5"), "a log-in clears what strangers have tried"


@pytest.mark.fault("A26")
def test_an_origin_is_known_for_its_own_login_only(identity: Identity, clock: Any) -> None:
    other = identity.an_account()["login"]
    assert identity.log_in(other, client_address=HERE)
    for number in range(100):
        guess(identity, ADMIN, f"192.0.2.{100 + number % 50}")
        clock.shift(900)
    assert guess(identity, ADMIN, HERE) == "too_many_requests"


def messages(identity: Identity) -> list[tuple[str, str]]:
    """The account and the purpose of each message with a link."""
    events = [event["data"] for event in identity.events(credentials_contract.account_invited)]
    return [(each["account_id"], each["purpose"]) for each in events]


def insist(identity: Identity, clock: Any, login: str, *, times: int = 8) -> None:
    """Try wrong passwords, ten seconds apart."""
    for _ in range(times):
        guess(identity, login)
        clock.shift(10)


@pytest.mark.fault("A26")
def test_the_owner_is_told_once_a_day_and_a_stranger_is_not_told_of(identity: Identity, clock: Any) -> None:
    invited = identity.an_account(password=None)
    told = (identity.harbor.admin_account_id, "reset_after_tries")
    for login in (ADMIN, "nobody@example.org", invited["login"]):
        insist(identity, clock, login, times=5)
    assert messages(identity) == [], "five wrong ones are not many"
    for login in (ADMIN, "nobody@example.org", invited["login"]):
        insist(identity, clock, login)
    assert messages(identity) == [told]
    clock.shift(23 * 3600)
    insist(identity, clock, ADMIN)
    assert messages(identity) == [told]
    clock.shift(3600)
    insist(identity, clock, ADMIN)
    assert messages(identity) == [told, told]


@pytest.mark.fault("A26")
def test_a_short_wait_and_tries_at_others_are_not_told(identity: Identity, clock: Any) -> None:
    for _ in range(20):
        guess(identity, ADMIN)  # at once: the fourth has to wait for seconds
    assert messages(identity) == []
    for number in range(40):
        guess(identity, f"person{number}@example.org", ELSEWHERE)
    assert guess(identity, ADMIN, ELSEWHERE) == "too_many_requests"
    assert messages(identity) == []


@pytest.mark.fault("A26")
def test_wrong_passwords_and_forgotten_ones_send_one_message_an_hour_together(
    identity: Identity, clock: Any
) -> None:
    request = {"organisation": "harbor", "login": ADMIN}
    identity.call(credentials_contract.request_password_reset, **request)
    insist(identity, clock, ADMIN)
    clock.shift(3400)
    insist(identity, clock, ADMIN)
    assert [purpose for _, purpose in messages(identity)] == ["reset"]
    insist(identity, clock, ADMIN)
    assert [purpose for _, purpose in messages(identity)] == ["reset", "reset_after_tries"]
    identity.call(credentials_contract.request_password_reset, **request)
    assert len(messages(identity)) == 2


@pytest.mark.fault("A26")
def test_what_strangers_try_does_not_keep_the_owner_of_a_session_from_a_proof(
    identity: Identity, clock: Any
) -> None:
    caller = identity.admin()
    for number in range(100):
        guess(identity, ADMIN, f"192.0.2.{number % 50}")
        clock.shift(900)
    assert guess(identity, ADMIN, "203.0.113.5") == "too_many_requests"
    assert identity.call(login_contract.prove_myself, caller, password=PASSWORD)
    answers = [identity.refused(login_contract.prove_myself, caller, password=WRONG).code for _ in range(20)]
    assert "too_many_requests" in answers, "a session guesses no more than an address"


def test_people_who_share_an_address_do_not_use_up_each_others_tries(
    identity: Identity, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        assert identity.log_in(client_address=HERE)
    monkeypatch.setattr("services.identity.login.verification.password_matches", lambda *_: False)
    for number in range(29):
        guess(identity, f"person{number}@example.org")
    monkeypatch.undo()
    assert identity.log_in(client_address=HERE)
    assert identity.log_in(client_address=HERE)


@pytest.mark.fault("A26")
def test_strangers_at_an_address_keep_nobody_out_who_is_known_there(
    either: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        other = either.an_account()["login"]
        assert either.log_in(client_address=HERE)
        assert either.log_in(other, client_address=ELSEWHERE)
        for number in range(30):
            guess(either, f"nobody{number}@example.org")
        assert guess(either, "nobody@example.org") == "too_many_requests"
        assert guess(either, other) == "too_many_requests", "known, but not here"
        for _ in range(2):
            assert either.log_in(client_address=HERE), "known here"
        assert guess(either, "nobody@example.org") == "too_many_requests", "a success gives no try to others"
        for _ in range(3):
            assert guess(either, ADMIN) == "credentials_refused"
        assert guess(either, ADMIN) == "too_many_requests", "the limit of the account holds"
        clock.shift(900)
        assert guess(either, "nobody@example.org") == "credentials_refused"


def test_a_try_that_the_login_refuses_does_not_count_for_the_address(identity: Identity, clock: Any) -> None:
    for _ in range(100):
        guess(identity, "person@example.org")
    assert guess(identity, "else@example.org") == "credentials_refused"


@pytest.mark.fault("A9")
def test_links_are_guessed_thirty_times_from_one_address(identity: Identity, clock: Any) -> None:
    token = identity.a_link(identity.an_account(password=None)["id"])
    guesses = [
        identity.refused(
            credentials_contract.redeem_credential_link,
            token=f"{number:043}",
            password=PASSWORD,
            client_address=HERE,
        ).code
        for number in range(60)
    ]
    assert guesses == ["link_refused"] * 30 + ["too_many_requests"] * 30
    redeem = {"token": token, "password": "copper kettle under snow"}
    assert identity.refused(credentials_contract.redeem_credential_link, client_address=HERE, **redeem).code
    identity.call(credentials_contract.redeem_credential_link, client_address=ELSEWHERE, **redeem)


def test_resets_for_many_logins_from_one_address_are_refused(
    identity: Identity, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.identity.secrets.calls.ANSWERS_AFTER_S", 0.0)
    monkeypatch.setattr("services.identity.secrets.calls.JITTER_S", 0.0)
    for number in range(30):
        request = {"organisation": "harbor", "login": f"person{number}@example.org"}
        assert (
            identity.call(credentials_contract.request_password_reset, client_address=HERE, **request) == {}
        )
    refusal = identity.refused(credentials_contract.request_password_reset, client_address=HERE, **request)
    assert refusal.code == "too_many_requests"
    assert 0 < refusal.more["retry_after_s"] <= 901


def test_addresses_are_kept_as_keyed_hashes_for_a_day(identity: Identity, clock: Any) -> None:
    guess(identity, ADMIN)

    def kept() -> list[str]:
        with identity.database.reading(None) as session:
            is_address = or_(Throttle.kind.endswith(SUFFIX), Throttle.kind == FROM_ORIGIN)
            return list(session.scalars(select(Throttle.key_hash).where(is_address)))

    assert len(kept()) == 2
    assert set(kept()).isdisjoint(
        hashlib.sha256(text.encode()).hexdigest() for text in (HERE, f"login@address\0{HERE}")
    )
    retention.forget_old(identity.database)
    assert len(kept()) == 2
    clock.shift(25 * 3600)
    retention.forget_old(identity.database)
    assert kept() == []


def limit_staff(identity: Identity, networks: list[str], **more: Any) -> Any:
    return identity.call(
        realms.set_realm_settings,
        identity.admin(),
        version=1,
        realm="staff",
        allowed_networks=networks,
        **more,
    )


@pytest.mark.seed("S2-133")
def test_outside_its_networks_a_realm_answers_like_a_wrong_password(identity: Identity) -> None:
    limit_staff(identity, ["192.0.2.0/24"])
    assert identity.log_in(client_address=HERE)
    credentials = {"organisation": "harbor", "login": ADMIN}
    wrong = identity.refused(login_contract.log_in, password=WRONG, client_address=HERE, **credentials)
    for address in (ELSEWHERE, None):
        outside = identity.refused(
            login_contract.log_in, password=PASSWORD, client_address=address, **credentials
        )
        assert (outside.code, outside.detail, outside.field, outside.more) == (
            wrong.code,
            wrong.detail,
            wrong.field,
            wrong.more,
        )


@pytest.mark.seed("S2-133")
def test_a_session_that_was_begun_inside_does_not_hold_outside(identity: Identity) -> None:
    token = identity.log_in(client_address=HERE)["token"]
    assert identity.holds(token, ELSEWHERE)
    limit_staff(identity, ["192.0.2.0/24", "2001:db8::/32"])
    for inside in (HERE, "2001:db8::1"):
        assert identity.holds(token, inside)
    with capture_logs() as lines:
        for outside in (ELSEWHERE, "2001:db9::1", None):
            assert not identity.holds(token, outside)
    assert [line["event"] for line in lines] == ["refused_by_network"] * 3
    assert not [line for line in lines if ELSEWHERE in str(line)]


@pytest.mark.seed("S2-133")
def test_the_networks_of_one_realm_are_not_those_of_another(identity: Identity) -> None:
    provider = identity.a_provider("1" * 32)
    limit_staff(identity, ["192.0.2.0/24"])
    token = identity.log_in(provider["login"], client_address=ELSEWHERE)["token"]
    assert identity.holds(token, ELSEWHERE)


@pytest.mark.seed("S2-133")
def test_nobody_locks_himself_out(identity: Identity) -> None:
    with pytest.raises(Refused) as refusal:
        limit_staff(identity, ["192.0.2.0/24"], client_address=ELSEWHERE)
    assert (refusal.value.code, refusal.value.field) == ("invalid_request", "allowed_networks")
    assert limit_staff(identity, ["192.0.2.0/24"], client_address=HERE)["allowed_networks"] == [
        "192.0.2.0/24"
    ]


def test_a_second_step_counts_guessed_challenges_by_address(identity: Identity, clock: Any) -> None:
    answers = [
        identity.refused(
            login_contract.complete_log_in, challenge=f"{number:043}", code="000000", client_address=HERE
        ).code
        for number in range(32)
    ]
    assert answers == ["challenge_refused"] * 30 + ["too_many_requests"] * 2
