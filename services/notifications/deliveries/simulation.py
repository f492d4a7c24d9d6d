"""Addresses to which nothing is ever sent, and what becomes of messages to them: for whoever tries out an integration. Pure.

Mail to `simulate.example` reaches nobody (RFC 2606), and numbers from 555-0100 to 555-0199 are kept for fiction in North America.
"""

from __future__ import annotations

import re

DOMAIN = "simulate.example"
RESULTS = ("delivered", "temporary_failure", "permanent_failure", "complained")
_NAMES = {
    "delivered": "delivered",
    "temporary-failure": "temporary_failure",
    "permanent-failure": "permanent_failure",
    "complaint": "complained",
}
_NUMBER = re.compile(r"\+1\d{3}55501(8[2-5])")
_BY_ENDING = dict(zip(("82", "83", "84", "85"), RESULTS, strict=True))


def simulated_result(address: str) -> str | None:
    """What becomes of a message to an e-mail address or a number (E.164); None for an address that is real.

    `delivered@`, `temporary-failure@`, `permanent-failure@` and `complaint@` of `simulate.example`, also with `+…` before the @, and
    +1 … 555 0182 to 0185 of any area code, in the same order.
    """
    number = _NUMBER.fullmatch(address)
    if number is not None:
        return _BY_ENDING[number[1]]
    name, _, domain = address.lower().rpartition("@")
    return _NAMES.get(name.partition("+")[0]) if domain == DOMAIN else None
