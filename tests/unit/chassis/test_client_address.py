"""The address that a call carries: strictly parsed, and not passed on."""

from __future__ import annotations

import pytest

from services.chassis import wire
from services.chassis.passports import Caller
from services.contracts.errors import Refused


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7", None])
def test_an_address_goes_through_the_headers(address: str | None):
    sent = wire.CallContext("r", client_address=address)

    assert wire.CallContext.of(sent.headers()).client_address == address


@pytest.mark.parametrize("wrong", ["", "example.org", "192.0.2.7, 10.0.0.1", 3221225991, ["192.0.2.7"], b"x"])
def test_what_is_no_address_is_not_understood(wrong: object):
    with pytest.raises(wire.Undecodable):
        wire.CallContext.of({wire.REQUEST_ID: "r", wire.CLIENT_ADDRESS: wrong})


@pytest.mark.parametrize(("proven_s_ago", "is_let_in"), [(None, False), (901, False), (890, True), (0, True)])
def test_what_is_sensitive_asks_for_a_proof(
    monkeypatch: pytest.MonkeyPatch, proven_s_ago: int | None, *, is_let_in: bool
):
    monkeypatch.setattr("services.chassis.passports.time.time", lambda: 10_000.0)
    proven_at = None if proven_s_ago is None else 10_000 - proven_s_ago
    caller = Caller("account", "c" * 32, proven_at=proven_at)

    if is_let_in:
        caller.require_proof()
    else:
        with pytest.raises(Refused) as refusal:
            caller.require_proof()
        assert refusal.value.code == "proof_required"
