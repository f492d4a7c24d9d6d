"""What the status code of a mail server (RFC 3463) says about an address. Pure."""

from __future__ import annotations

import re
from typing import Literal

Finding = Literal["unknown_mailbox", "address", "message"]

_CODE = re.compile(r"(?<![\d.])5\.(\d{1,3})\.(\d{1,3})(?![\d.])")
# No such mailbox or domain, no such form of address, moved, takes no mail, disabled.
_UNKNOWN_MAILBOX = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)})
# The server's own state, the protocol, the content, its rules: another message, or another sender, may well arrive.
_ABOUT_MESSAGES = frozenset({3, 5, 6, 7})


def finding(*texts: str, otherwise: Finding = "address") -> Finding:
    """What a permanent failure is about, by the first code in these texts that says it; `otherwise` where none does.

    `unknown_mailbox`: nobody has the address. `address`: it may be the address; nothing is certain. `message`: it is not the address.
    """
    for text in texts:
        for match in _CODE.finditer(text):
            subject, detail = int(match[1]), int(match[2])
            if subject == 0:  # "other": it says nothing
                continue
            if (subject, detail) in _UNKNOWN_MAILBOX:
                return "unknown_mailbox"
            return "message" if subject in _ABOUT_MESSAGES else "address"
    return otherwise
