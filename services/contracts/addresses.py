"""What counts as one address of a network. Pure."""

from __future__ import annotations

import ipaddress


def plain_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address. One of IPv4 that is written as IPv6 (`::ffff:192.0.2.1`) becomes IPv4. Raises ValueError."""
    place = ipaddress.ip_address(address)
    return getattr(place, "ipv4_mapped", None) or place


def neighbourhood(address: str) -> str:
    """What counts as one address when tries are counted: an IPv4 address, or the /64 that one customer has in IPv6."""
    place = plain_address(address)
    if place.version == 4:
        return str(place)
    return str(ipaddress.ip_network((place, 64), strict=False))
