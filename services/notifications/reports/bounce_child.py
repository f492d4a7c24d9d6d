"""Reading a returned mail, within the limited child process: for whom it was, and whether it says that an address is dead.

The answer is one line of JSON: `{"recipients": [...], "is_permanent": true}`.
"""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from email.utils import getaddresses
from typing import Any, BinaryIO

from flufl.bounce import all_failures

_MOST = 50
# Where mail servers write the address that a mail has come to.
_HEADERS = ("To", "Delivered-To", "X-Original-To", "Envelope-To")


def answer(file: BinaryIO, _limits: dict[str, Any]) -> bytes:
    """The answer about one mail."""
    message = message_from_bytes(file.read(), policy=policy.compat32)
    headers = [str(each) for name in _HEADERS for each in message.get_all(name, [])[:_MOST]]
    recipients = [address for _, address in getaddresses(headers[:_MOST])][:_MOST]
    _, permanent = all_failures(message)
    return json.dumps({"recipients": recipients, "is_permanent": bool(permanent)}).encode()
