"""Networks that a realm or an API client is limited to, and callers' addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable

from services.chassis.logs import log
from services.contracts.addresses import plain_address
from services.contracts.errors import Refused


def checked_networks(networks: Iterable[str]) -> list[str]:
    """Ranges in CIDR notation, normalised, sorted, without repetition.

    A single address is a range of one. Raises Refused(invalid_request).
    """
    found = []
    for network in networks:
        try:
            found.append(str(ipaddress.ip_network(network.strip())))
        except ValueError:
            raise Refused(
                "invalid_request",
                "allowed_networks: ranges such as 192.0.2.0/24 or 2001:db8::/32, with no bits set behind the prefix.",
                field="allowed_networks",
            ) from None
    return sorted(set(found))


def admits(address: str | None, networks: Collection[str]) -> bool:
    """Whether these ranges let somebody in from this address. The log tells a refusal; the person is not told the reason."""
    is_admitted = is_inside(address, networks)
    if not is_admitted:
        log.info("refused_by_network")
    return is_admitted


def is_inside(address: str | None, networks: Collection[str]) -> bool:
    """Whether an address is in one of the ranges. Without ranges every address is; no address (None) is in no range."""
    if not networks:
        return True
    if address is None:
        return False
    place = plain_address(address)
    return any(place in ipaddress.ip_network(network) for network in networks)
