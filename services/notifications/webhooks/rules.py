"""Pure rules of webhooks: addresses, places, the body of a message."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from services.contracts.errors import Refused
from services.contracts.web_addresses import Network, url_fault

TEST_EVENT = "test_message"
TEST_TYPE = "portico.test"

_FAULTS = {
    "address_malformed": "Enter an address such as https://example.org/portico, without a name, a password or a #.",
    "address_not_allowed": "The address leads into our own network: enter one that is reachable from the internet.",
    "address_not_https": "Messages go to encrypted addresses only: enter one that begins with https://.",
}


def require_address(url: str, networks: Collection[Network]) -> None:
    """Raises Refused(webhook_address_refused) for an address that messages cannot go to.

    Where its name leads is checked when a message is sent, for each connection.
    """
    fault = url_fault(url, networks)
    if fault is not None:
        raise Refused("webhook_address_refused", _FAULTS[fault], "url")


def free_place(taken: Collection[int], most: int) -> int:
    """The first free place from 1 to `most`. Raises Refused(webhook_limit_reached)."""
    for place in range(1, most + 1):
        if place not in taken:
            return place
    raise Refused(
        "webhook_limit_reached", f"There are {most} webhooks, the most there can be. Remove one first."
    )


def body(kind: str, at: str, data: Mapping[str, Any]) -> bytes:
    """What a subscriber gets: the event's type, when it happened (ISO 8601), and its ids, codes, numbers and times."""
    return json.dumps({"type": kind, "timestamp": at, "data": data}, separators=(",", ":")).encode()
