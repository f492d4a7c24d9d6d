"""Which addresses of other systems the server may connect to."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from services.contracts.web_addresses import may_connect, url_fault


@pytest.mark.fault("A13")
@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1",
        "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    ],
)  # fmt: skip
def test_addresses_of_our_own_networks_are_refused(address: str) -> None:
    assert not may_connect(address, ())


@pytest.mark.fault("A13")
@pytest.mark.parametrize(
    "address",
    [
        "64:ff9b::7f00:1",  # NAT64: 127.0.0.1
        "64:ff9b::a9fe:a9fe",  # NAT64: 169.254.169.254
        "64:ff9b:1::a00:1",  # NAT64 of a network of one's own: 10.0.0.1
        "2002:a00:1::1",  # 6to4: 10.0.0.1
        "::7f00:1",  # IPv4-compatible: 127.0.0.1
        "::ffff:0:7f00:1",  # translated: 127.0.0.1
        "fec0::1",  # site-local
    ],
)
def test_addresses_that_a_router_turns_into_ours_are_refused(address: str) -> None:
    assert not may_connect(address, ())


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4001:830::200e", "::ffff:8.8.8.8"])
def test_the_public_internet_is_reached(address: str) -> None:
    assert may_connect(address, ())


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_a_network_that_the_installation_names_is_reached(address: str) -> None:
    assert may_connect(address, (ipaddress.ip_network("127.0.0.0/8"),))
    assert not may_connect(address, (ipaddress.ip_network("10.0.0.0/8"),))


def test_a_named_network_of_nat64_is_reached() -> None:
    assert may_connect("64:ff9b::a00:1", (ipaddress.ip_network("64:ff9b::/96"),))


@pytest.mark.parametrize(
    ("url", "networks", "fault"),
    [
        ("https://10.1.2.3/x", (), "address_not_allowed"),
        ("https://[::1]:8443/x", (), "address_not_allowed"),
        ("https://10.1.2.3/x", (ipaddress.ip_network("10.0.0.0/8"),), None),
        ("https://8.8.8.8/x", (), None),
        ("https://intranet/x", (), None),  # where a name leads is seen when it is connected to
        ("http://8.8.8.8/x", (), "address_not_https"),
        ("http://localhost:99/x", (ipaddress.ip_network("127.0.0.0/8"),), None),
        ("http://localhost:99/x", (), "address_not_https"),
    ],
)
def test_an_address_says_what_is_wrong_with_it(
    url: str, networks: tuple[Any, ...], fault: str | None
) -> None:
    assert url_fault(url, networks) == fault
