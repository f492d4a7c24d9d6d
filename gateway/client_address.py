"""Where a request really comes from: the socket, or what our own proxies say of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import flask

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(trusted_proxies: Sequence[Network]) -> str | None:
    """The address of the caller of the current request, None where it cannot be told.

    X-Forwarded-For is read from its end, as each proxy appends whom it was called by; it ends at the first address
    that is not one of `trusted_proxies`. What stands before that was written by the caller and proves nothing.
    """
    address = _plain(flask.request.environ.get("REMOTE_ADDR") or "")
    if not trusted_proxies:
        return None if address is None else str(address)
    hops = [hop for value in flask.request.headers.getlist("X-Forwarded-For") for hop in value.split(",")]
    while address is not None and hops and any(address in network for network in trusted_proxies):
        address = _plain(hops.pop())
    return None if address is None else str(address)


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
