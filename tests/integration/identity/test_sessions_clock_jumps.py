"""F16: the clock jumps by two hours, forward and back. Links and sessions hold within their time and not a minute around it."""

from __future__ import annotations

import pytest
import time_machine

from services.contracts.identity import credentials
from services.identity.secrets.rules import CLOCKS_APART
from tests.integration.identity.conftest import Identity

pytestmark = pytest.mark.fault("F16")
START, APART_S = 1_900_000_000.0, CLOCKS_APART.total_seconds()
NEW_PASSWORD = "a tall lantern over the harbour"
TWO_HOURS = 2 * 3600


@pytest.mark.parametrize(
    ("jump_s", "holds"),
    [(-TWO_HOURS, False), (-APART_S - 1, False), (-APART_S, True), (90 * 60 - 1, True), (90 * 60, False), (TWO_HOURS, False)],
)  # fmt: skip
def test_a_link_holds_from_when_it_was_made_for_ninety_minutes(
    identity: Identity, jump_s: float, *, holds: bool
) -> None:
    account = identity.an_account(password=None)
    with time_machine.travel(START, tick=False) as clock:
        token = identity.a_link(account["id"])
        clock.shift(jump_s)
        shown = identity.call(credentials.inspect_credential_link, token=token)["state"]
        assert shown == ("usable" if holds else "expired")
        if holds:
            identity.call(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD)
        else:
            refusal = identity.refused(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD)
            assert refusal.code == "link_refused"


def test_a_link_holds_again_when_the_clock_is_set_right(identity: Identity) -> None:
    account = identity.an_account(password=None)
    with time_machine.travel(START, tick=False) as clock:
        token = identity.a_link(account["id"])
        for jump_s in (TWO_HOURS, -2 * TWO_HOURS, TWO_HOURS):
            clock.shift(jump_s)
        identity.call(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD)
    assert identity.log_in(account["login"], NEW_PASSWORD)


@pytest.mark.parametrize(
    ("jump_s", "holds"),
    [(-TWO_HOURS, False), (-APART_S - 1, False), (-APART_S, True), (15 * 60 - 1, True), (15 * 60, False), (TWO_HOURS, False)],
)  # fmt: skip
def test_a_session_holds_from_its_last_use_for_its_idle_time(
    identity: Identity, jump_s: float, *, holds: bool
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        token = identity.log_in()["token"]
        clock.shift(jump_s)
        assert identity.holds(token) is holds


def test_a_session_that_was_used_while_the_clock_was_ahead_has_to_be_begun_again(identity: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:
        token = identity.log_in()["token"]
        clock.shift(14 * 60)
        assert identity.holds(token)
        identity.flush_seen()
        clock.shift(-14 * 60)
        assert not identity.holds(token)
        assert identity.holds(identity.log_in()["token"])
