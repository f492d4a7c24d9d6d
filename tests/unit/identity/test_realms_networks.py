"""Networks that a realm or an API client is limited to."""

from __future__ import annotations

import pytest

from services.contracts.errors import Refused
from services.identity.realms.networks import checked_networks, is_inside


@pytest.mark.parametrize(
    ("address", "networks", "inside"),
    [
        ("192.0.2.7", [], True),
        (None, [], True),
        (None, ["192.0.2.0/24"], False),
        ("192.0.2.7", ["192.0.2.0/24"], True),
        ("192.0.3.7", ["192.0.2.0/24"], False),
        ("::ffff:192.0.2.7", ["192.0.2.0/24"], True),
        ("2001:db8::7", ["192.0.2.0/24", "2001:db8::/32"], True),
        ("2001:db9::7", ["192.0.2.0/24", "2001:db8::/32"], False),
        ("192.0.2.7", ["192.0.2.7/32"], True),
    ],
)
def test_inside_a_network(address: str | None, networks: list[str], *, inside: bool):
    assert is_inside(address, networks) is inside


@pytest.mark.parametrize("wrong", ["192.0.2.1/24", "example.org", "", "192.0.2.0/33"])
def test_a_network_that_is_none_is_refused(wrong: str):
    with pytest.raises(Refused) as refusal:
        checked_networks(["192.0.2.0/24", wrong])

    assert (refusal.value.code, refusal.value.field) == ("invalid_request", "allowed_networks")
