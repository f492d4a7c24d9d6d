"""A6, A7, A9, A10: guessed passwords and links, and the use of ended sessions. The long forms, with figures.

The short forms are in tests/integration/identity. The tests set the clock. Where a test counts how often passwords are
verified, hashes are counted and not computed.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine

from services.chassis import wire
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts, credentials
from services.contracts.identity import login as login_contract
from services.identity.credentials import passwords
from services.identity.login import verification
from services.identity.models import Account
from tests.integration.identity.conftest import ADMIN, PASSWORD, Identity
from tests.integration.identity.test_credentials_links import stored_text

START = 1_900_000_000.0
WRONG = "wrong " + PASSWORD
NEW_PASSWORD = "copper kettle under snow"
QUARTER_S = 900


@pytest.fixture(params=["sqlite", "postgresql"])
def identity(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Identity]:
    """Identity on both databases."""
    on_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/identity.db" if on_sqlite else request.getfixturevalue("new_postgres_url")
    running = Identity(url, tmp_path)
    yield running
    running.close()


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def verified_at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times at which passwords were verified; none is right."""
    seen: list[float] = []
    monkeypatch.setattr(verification, "password_matches", lambda *_: bool(seen.append(utc_now().timestamp())))
    return seen


def answer(identity: Identity, operation: Any, caller: Any = None, **request: Any) -> str:
    """`ok` or the code of the refusal."""
    try:
        identity.call(operation, caller, **request)
    except Refused as refusal:
        return refusal.code
    return "ok"


def guess(identity: Identity, name: str, address: str) -> str:
    return answer(
        identity,
        login_contract.log_in,
        organisation="harbor",
        login=name,
        password=WRONG,
        client_address=address,
    )


def most_within(moments: list[float], span_s: float) -> int:
    """The largest number of these moments within any span of this length."""
    return max((sum(1 for each in moments if first <= each < first + span_s) for first in moments), default=0)


def link_of(identity: Identity) -> str:
    """The token of the link that was asked for last."""
    return identity.mint(identity.events(credentials.account_invited)[-1]["data"]["invitation_id"])


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.fault("A6")
def test_a_thousand_wrong_passwords_in_a_quarter_of_an_hour(
    identity: Identity, clock: Any, verified_at: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: Counter[str] = Counter()
    for number in range(1000):
        answers[guess(identity, ADMIN, f"192.0.2.{number % 50}")] += 1
        clock.shift(QUARTER_S / 1000)
    rows = len(identity.audit("session.refused")) + len(identity.audit("login.throttled"))
    print(f"A6: 1000 wrong passwords, {len(verified_at)} looked at, {rows} audit rows, {dict(answers)}")
    assert len(verified_at) <= 10
    assert sum(answers.values()) == rows == 1000
    monkeypatch.undo()
    clock.shift(QUARTER_S)
    assert identity.log_in(), "the owner gets in within a quarter of an hour"


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.fault("A6")
def test_a_patient_attacker_gets_a_hundred_tries_and_the_owner_a_reset(
    identity: Identity, clock: Any, verified_at: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1000):
        guess(identity, ADMIN, f"192.0.2.{number % 50}")
        clock.shift(QUARTER_S / 9)  # no address is slowed down by its own tries
    print(
        f"A6, slowly: {len(verified_at)} of 1000 looked at, {most_within(verified_at, QUARTER_S)} in any 15 minutes"
    )
    assert len(verified_at) <= 100
    assert most_within(verified_at, QUARTER_S) <= 10
    monkeypatch.undo()
    assert (
        answer(identity, login_contract.log_in, organisation="harbor", login=ADMIN, password=PASSWORD)
        == "too_many_requests"
    )
    identity.call(credentials.request_password_reset, organisation="harbor", login=ADMIN)
    identity.call(credentials.redeem_credential_link, token=link_of(identity), password=NEW_PASSWORD)
    assert identity.log_in(ADMIN, NEW_PASSWORD)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.fault("A7")
def test_one_password_for_a_thousand_accounts_is_tried_thirty_times(
    identity: Identity, clock: Any, verified_at: list[float]
) -> None:
    with identity.database.reading(None) as session:
        session.add_all(an_account(identity, number) for number in range(1000))
        session.commit()
    answers = Counter(guess(identity, f"many{number}@example.org", "192.0.2.7") for number in range(1000))
    print(f"A7: 1000 accounts, {len(verified_at)} looked at, {dict(answers)}")
    assert len(verified_at) == 30
    assert answers == {"credentials_refused": 30, "too_many_requests": 970}


def an_account(identity: Identity, number: int) -> Account:
    """An account with a password that is cheap to hash."""
    return Account(
        id=wire.new_id(),
        organisation_id=identity.harbor.organisation_id,
        realm="staff",
        login_space="workforce",
        login=f"many{number}@example.org",
        email=f"many{number}@example.org",
        state="active",
        password_hash="not looked at",
        version=1,
        created_at=utc_now(),
    )


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.fault("A9")
def test_of_ten_thousand_guessed_links_none_holds(
    identity: Identity, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = identity.a_link(identity.an_account(password=None)["id"])
    monkeypatch.setattr(passwords, "hash_password", lambda _: pytest.fail("hashed"))
    near = (
        token[:position] + other + token[position + 1 :]
        for position, other in itertools.product(range(43), "Aa0-_")
    )
    guesses = [one for one in near if one != token]
    guesses += [wire.new_id() + f"{number:011d}" for number in range(10_000 - len(guesses))]
    answers = Counter(
        answer(identity, credentials.redeem_credential_link, token=one, password=NEW_PASSWORD)
        for one in guesses
    )
    print(f"A9: {len(guesses)} guessed links, {dict(answers)}")
    assert answers == {"link_refused": 10_000}


def _newer(identity: Identity, account: dict[str, Any]) -> None:
    identity.a_link(account["id"])


def _disabled(identity: Identity, account: dict[str, Any]) -> None:
    version = identity.call(accounts.get_account, identity.admin(), account_id=account["id"])["version"]
    identity.call(accounts.disable_account, identity.admin(), version=version, account_id=account["id"])


def _another_password(identity: Identity, account: dict[str, Any]) -> None:
    token = identity.a_link(account["id"])
    identity.call(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD)


@pytest.mark.fault("A9")
@pytest.mark.parametrize("meanwhile", [_newer, _disabled, _another_password])
def test_a_link_ends_with_a_newer_one_another_password_and_the_account(
    identity: Identity, meanwhile: Callable[[Identity, dict[str, Any]], None]
) -> None:
    account = identity.an_account(password=None)
    old = identity.a_link(account["id"])
    meanwhile(identity, account)
    answers = {
        answer(identity, credentials.redeem_credential_link, token=old, password="one more lantern in here")
        for _ in range(3)
    }
    assert answers == {"link_refused"}
    assert old not in stored_text(identity)
    assert old not in repr(identity.events())


@pytest.mark.fault("A9")
def test_a_changed_password_voids_the_reset_that_is_on_its_way(identity: Identity) -> None:
    identity.call(credentials.request_password_reset, organisation="harbor", login=ADMIN)
    old = link_of(identity)
    identity.call(
        credentials.change_my_password,
        identity.admin(),
        password=PASSWORD,
        new_password=NEW_PASSWORD,
    )
    again = {"token": old, "password": "one more lantern in here"}
    assert answer(identity, credentials.redeem_credential_link, **again) == "link_refused"
