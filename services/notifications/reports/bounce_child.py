"""Reading a returned mail, within the limited child process: for whom it was, and whether it says that an address is dead.

The answer is one line of JSON: `{"recipients": [...], "is_permanent": true, "said": ["5.1.1", "smtp; 550 5.1.1 …"]}`.
"""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from email.message import Message
from email.utils import getaddresses
from typing import Any, BinaryIO

from flufl.bounce import all_failures

_MOST = 50
_LONGEST = 1000
# Where mail servers write the address that a mail has come to.
_HEADERS = ("To", "Delivered-To", "X-Original-To", "Envelope-To")


def answer(file: BinaryIO, _limits: dict[str, Any]) -> bytes:
    """The answer about one mail."""
    message = message_from_bytes(file.read(), policy=policy.compat32)
    headers = [str(each) for name in _HEADERS for each in message.get_all(name, [])[:_MOST]]
    recipients = [address for _, address in getaddresses(headers[:_MOST])][:_MOST]
    _, permanent = all_failures(message)
    answered = {"recipients": recipients, "is_permanent": bool(permanent), "said": _said(message)}
    return json.dumps(answered).encode()


def _said(message: Message) -> list[str]:
    """What the servers said of those whom they did not reach (RFC 3464, 2.3): the status, or else their own words."""
    said: list[str] = []
    for part in message.walk():
        blocks = part.get_payload() if part.get_content_type() == "message/delivery-status" else None
        for block in blocks if isinstance(blocks, list) else ():
            if isinstance(block, Message) and block.get("Action", "failed").strip().lower() == "failed":
                told = (block.get(name) for name in ("Status", "Diagnostic-Code"))
                said += [str(each)[:_LONGEST] for each in told if each]
    return said[:_MOST]
