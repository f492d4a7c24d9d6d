"""The page of an invalid link: its message, and the new link that it offers (conflict C4)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from sqlalchemy import update

from services.contracts.identity import accounts, credentials
from services.identity.models import Account
from services.identity.secrets import calls
from tests.integration.identity.conftest import Identity
from tests.support.bars import hold_at_best

START = 1_900_000_000.0
NEW_PASSWORD = "copper kettle under snow"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "ANSWERS_AFTER_S", 0.0)
    monkeypatch.setattr(calls, "JITTER_S", 0.0)


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def renew(identity: Identity, token: str) -> None:
    assert identity.call(credentials.request_new_link, token=token) == {}


def asked_for(identity: Identity) -> list[dict[str, Any]]:
    """The links that notifications is asked to send."""
    return [event["data"] for event in identity.events(credentials.account_invited)]


@pytest.mark.seed("S4-11")
@pytest.mark.seed("S1-17")
def test_an_expired_invitation_brings_another_one_to_the_same_address(identity: Identity, clock: Any) -> None:
    account = identity.an_account(password=None)
    token = identity.a_link(account["id"])
    clock.shift(91 * 60)
    page = identity.call(credentials.inspect_credential_link, token=token)
    assert (page["purpose"], page["state"]) == ("invitation", "expired")
    before = len(asked_for(identity))
    renew(identity, token)
    (wanted,) = asked_for(identity)[before:]
    assert (wanted["account_id"], wanted["purpose"]) == (account["id"], "invitation")
    fresh = identity.mint(wanted["invitation_id"])
    identity.call(credentials.redeem_credential_link, token=fresh, password=NEW_PASSWORD)
    assert identity.log_in(account["login"], NEW_PASSWORD)


@pytest.mark.fault("A26")
def test_a_new_link_in_place_of_an_expired_one_voids_no_other(identity: Identity, clock: Any) -> None:
    """Whoever finds an old mail asks with it; what its owner has asked for meanwhile stays valid."""
    account = identity.an_account(password=None)
    expired = identity.a_link(account["id"])
    clock.shift(91 * 60)
    identity.call(credentials.request_password_reset, organisation="harbor", login=account["login"])
    asked = identity.mint(asked_for(identity)[-1]["invitation_id"])
    renew(identity, expired)
    renewed = identity.mint(asked_for(identity)[-1]["invitation_id"])
    states = [
        identity.call(credentials.inspect_credential_link, token=each)["state"] for each in (asked, renewed)
    ]
    assert states == ["usable", "usable"]


def test_a_used_link_brings_a_reset(identity: Identity, clock: Any) -> None:
    account = identity.an_account(password=None)
    token = identity.a_link(account["id"])
    identity.call(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD)
    assert identity.call(credentials.inspect_credential_link, token=token)["state"] == "used_or_void"
    renew(identity, token)
    assert (asked_for(identity)[-1]["account_id"], asked_for(identity)[-1]["purpose"]) == (
        account["id"],
        "reset",
    )


def test_an_account_that_is_active_without_a_password_is_invited_again(
    identity: Identity, clock: Any
) -> None:
    account = identity.an_account(password=None)
    token = identity.a_link(account["id"])
    clock.shift(91 * 60)
    # As after a sign-in with an outside provider.
    identity.database.write(
        identity.harbor.organisation_id,
        lambda session: session.execute(
            update(Account).where(Account.id == account["id"]).values(state="active")
        ),
    )
    renew(identity, token)
    assert asked_for(identity)[-1]["purpose"] == "invitation"


def test_a_link_that_holds_is_left_alone(identity: Identity, clock: Any) -> None:
    token = identity.a_link(identity.an_account(password=None)["id"])
    before = len(asked_for(identity))
    renew(identity, token)
    assert len(asked_for(identity)) == before
    assert identity.call(credentials.inspect_credential_link, token=token)["state"] == "usable"


def test_neither_an_unknown_token_nor_one_of_a_disabled_account_brings_anything(
    identity: Identity, clock: Any
) -> None:
    account = identity.an_account(password=None)
    token = identity.a_link(account["id"])
    identity.call(
        accounts.disable_account, identity.admin(), version=account["version"], account_id=account["id"]
    )
    before = len(asked_for(identity))
    renew(identity, token)
    renew(identity, "A" * 43)
    assert len(asked_for(identity)) == before


def test_new_links_are_sent_five_times_in_a_quarter_of_an_hour_whatever_is_asked(
    identity: Identity, clock: Any
) -> None:
    account = identity.an_account(password=None)
    token = identity.a_link(account["id"])
    clock.shift(91 * 60)
    before = len(asked_for(identity))
    for _ in range(20):
        renew(identity, token)
    assert len(asked_for(identity)) - before == 5
    clock.shift(15 * 60)
    renew(identity, token)
    assert len(asked_for(identity)) - before == 6


def test_new_links_are_counted_by_address_too(identity: Identity, clock: Any) -> None:
    for number in range(30):
        identity.call(credentials.request_new_link, token=f"{number:043}", client_address="192.0.2.7")
    refusal = identity.refused(credentials.request_new_link, token="A" * 43, client_address="192.0.2.7")
    assert refusal.code == "too_many_requests"


@pytest.mark.fault("A8")
def test_a_known_and_an_unknown_token_are_answered_after_the_same_time(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "ANSWERS_AFTER_S", 0.1)
    known = identity.a_link(identity.an_account(password=None)["id"])
    took = []

    def both() -> None:
        for token in (known, "A" * 43):
            started = time.monotonic()
            renew(identity, token)
            took.append(time.monotonic() - started)
        assert max(took[-2:]) < 0.25

    hold_at_best(both)
    assert min(took) >= 0.1
