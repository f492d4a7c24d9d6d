"""The address of a request's client: the socket's, or the one that our own proxies report."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

import flask

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(trusted_proxies: Sequence[Network]) -> str | None:
    """The address of the current request's client, or None if it is unknown."""
    forwarded = flask.request.headers.getlist("X-Forwarded-For") if trusted_proxies else []
    return address_of(flask.request.environ.get("REMOTE_ADDR") or "", forwarded, trusted_proxies)


def address_of(peer: str, forwarded: Iterable[str], trusted_proxies: Sequence[Network]) -> str | None:
    """The address of a client whose socket has the address `peer`, or None if it is unknown.

    Each proxy appends the address of its client to X-Forwarded-For. So the header is read from its end, up to the first
    address that is not one of `trusted_proxies`. The client itself may have written everything before that.
    """
    address = _plain(peer)
    hops = [hop for value in forwarded for hop in value.split(",")]
    while address is not None and hops and any(address in network for network in trusted_proxies):
        address = _plain(hops.pop())
    return None if address is None else str(address)


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
