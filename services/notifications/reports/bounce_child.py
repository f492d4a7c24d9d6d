"""Reading a returned mail, within the limited child process: for whom it was, and whether it says that an address is dead.

The answer is one line of JSON:
`{"recipients": [...], "is_permanent": true, "said": ["5.1.1", "smtp; 550 5.1.1 …"], "is_complaint": false}`.
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
# Kinds of feedback (RFC 5965, 7.3) by which a person says that a mail is not wanted. Others are about its authentication.
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "other"})


def answer(file: BinaryIO, _limits: dict[str, Any]) -> bytes:
    """The answer about one mail."""
    message = message_from_bytes(file.read(), policy=policy.compat32)
    headers = [str(each) for name in _HEADERS for each in message.get_all(name, [])[:_MOST]]
    recipients = [address for _, address in getaddresses(headers[:_MOST])][:_MOST]
    _, permanent = all_failures(message)
    beyond_ascii = _of_unicode(message)
    is_permanent = bool(permanent) or any("Action" in each and _has_failed(each) for each in beyond_ascii)
    said = _said([*_of_ascii(message), *beyond_ascii])
    senders = _complained_of(message)
    answered = {
        "recipients": [*recipients, *senders][: 2 * _MOST],
        "is_permanent": is_permanent,
        "said": said,
        "is_complaint": bool(senders),
    }
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


def _complained_of(message: Message) -> list[str]:
    """The senders of the mails that a report complains of (RFC 5965): as it names them, and as its copy of the mail does."""
    kinds: set[str] = set()
    senders: list[str] = []
    for part in typed_subpart_iterator(message, "message", "feedback-report"):
        told = message_from_bytes(_content(part), policy=policy.compat32)
        kinds.add(str(told.get("Feedback-Type", "")).strip().lower())
        senders += [str(each) for each in told.get_all("Original-Mail-From", [])[:_MOST]]
    if not kinds & _COMPLAINTS:
        return []
    for part in typed_subpart_iterator(message, "message", "rfc822"):
        payload = part.get_payload()  # type: ignore[attr-defined]  # as above
        copies = [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []
        senders += [str(each) for copy in copies for each in copy.get_all("Return-Path", [])[:_MOST]]
    for part in typed_subpart_iterator(message, "text", "rfc822-headers"):
        senders += [
            str(each) for each in message_from_bytes(_content(part)).get_all("Return-Path", [])[:_MOST]
        ]
    return [address for _, address in getaddresses(senders[:_MOST])]


def _content(part: Any) -> bytes:
    """What a part holds: the parser takes every message/… for a mail."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return b"\n".join(each.as_bytes() for each in payload[:1])
    return bytes(part.get_payload(decode=True) or b"")


def _has_failed(block: Message) -> bool:
    """Whether this recipient was not reached for good. Some servers say `error`, and some say nothing."""
    return str(block.get("Action", "failed")).strip().lower().startswith(("fail", "error"))
