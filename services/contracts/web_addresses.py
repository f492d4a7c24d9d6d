"""Addresses of other systems that an organisation names: which of them the server may connect to. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# IPv6 addresses that a router turns into IPv4 ones, of any network (RFC 6052, 8215, 3056, 4291, 7915), and site-local ones
# (RFC 3879), which Python counts as global.
_TRANSLATED = tuple(
    map(
        ipaddress.ip_network,
        ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "::/96", "::ffff:0:0:0/96", "fec0::/10"),
    )
)
_LOOPBACK_NAMES = {"localhost": "127.0.0.1"}


def url_fault(url: Any, networks: Collection[Network]) -> str | None:
    """What is wrong with the address of another system, as a code; None when it may be used.

    Only https is allowed, and http on this machine where the installation allows such systems there. Where a name leads is not
    looked up.
    """
    if not isinstance(url, str) or len(url) > 2000 or re.search(r"[\s\\\x00-\x1f\x7f]", url):
        return "address_malformed"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "address_malformed"
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        return "address_malformed"
    place = _written_as_number(host)
    if parts.scheme == "https":
        return None if place is None or may_connect(str(place), networks) else "address_not_allowed"
    place = _written_as_number(_LOOPBACK_NAMES.get(host, host))
    is_here = place is not None and place.is_loopback and may_connect(str(place), networks)
    return None if parts.scheme == "http" and is_here else "address_not_https"


def _written_as_number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def may_connect(address: str, networks: Collection[Network]) -> bool:
    """Whether another system may have this IP address: any one of the public internet, or one in `networks`.

    Otherwise an organisation's administrator could make the server send requests into the operator's network.
    """
    place = ipaddress.ip_address(address.partition("%")[0])
    place = getattr(place, "ipv4_mapped", None) or place
    if any(place in network for network in networks):
        return True
    if any(place in network for network in _TRANSLATED):
        return False
    return place.is_global and not place.is_multicast


MOST_OF_ORIGIN = 255
_ORIGIN = re.compile(r"(https?)://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::([0-9]{1,5}))?")
_OF_THIS_MACHINE = {"localhost", "127.0.0.1", "[::1]"}
_USUAL_PORT = {"https": "443", "http": "80"}


def web_origin(text: str) -> str:
    """An origin as browsers send it (RFC 6454, section 6.2). Raises ValueError with what is wrong with it."""
    if "*" in text:
        raise ValueError("Name each origin by itself: a * would let in pages that nobody knows.")
    match = _ORIGIN.fullmatch(text.strip().lower())
    if match is None or len(text) > MOST_OF_ORIGIN:
        raise ValueError("An origin such as https://portal.example.org is expected, without a path.")
    scheme, host, _, port = match.groups()
    if scheme == "http" and host not in _OF_THIS_MACHINE:
        raise ValueError("Only https is let in; http only on this machine.")
    return f"{scheme}://{host}" + (f":{port}" if port and port != _USUAL_PORT[scheme] else "")
