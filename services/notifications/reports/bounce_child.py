"""Reading a returned mail, within the limited child process: for whom it was, and whether it says that an address is dead.

The answer is one line of JSON: `{"recipients": [...], "is_permanent": true, "said": ["5.1.1", "smtp; 550 5.1.1 …"]}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from email import message_from_bytes, message_from_string, policy
from email.iterators import typed_subpart_iterator
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
    beyond_ascii = _of_unicode(message)
    is_permanent = bool(permanent) or any("Action" in each and _has_failed(each) for each in beyond_ascii)
    said = _said([*_of_ascii(message), *beyond_ascii])
    answered = {"recipients": recipients, "is_permanent": is_permanent, "said": said}
    return json.dumps(answered).encode()


def _said(blocks: Iterable[Message]) -> list[str]:
    """What the servers said of those whom they did not reach (RFC 3464, 2.3): the status, or else their own words."""
    said: list[str] = []
    for block in blocks:
        if _has_failed(block):
            told = (block.get(name) for name in ("Status", "Diagnostic-Code"))
            said += [str(each)[:_LONGEST] for each in told if each]
    return said[:_MOST]


def _of_ascii(message: Message) -> list[Message]:
    """What a mail reports of each recipient, as RFC 3464 lays it out."""
    found: list[Message] = []
    for part in typed_subpart_iterator(message, "message", "delivery-status"):
        blocks = part.get_payload()  # type: ignore[attr-defined]  # typeshed: not a text, but a part
        found += [each for each in blocks if isinstance(each, Message)] if isinstance(blocks, list) else []
    return found


def _of_unicode(message: Message) -> list[Message]:
    """The same as RFC 6533 lays it out, for addresses beyond ASCII. The libraries take it for a mail that was passed on."""
    found: list[Message] = []
    for part in typed_subpart_iterator(message, "message", "global-delivery-status"):
        text = part.as_bytes().decode(errors="replace").replace("\r\n", "\n")  # type: ignore[attr-defined]  # as above
        found += [message_from_string(each) for each in text.split("\n\n")[:_MOST]]
    return found


def _has_failed(block: Message) -> bool:
    """Whether this recipient was not reached for good. Some servers say `error`, and some say nothing."""
    return str(block.get("Action", "failed")).strip().lower().startswith(("fail", "error"))
