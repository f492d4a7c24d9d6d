"""What certificates state. Pure."""

from __future__ import annotations

import datetime

from services.contracts.errors import Refused

WAYS = {"email": "e-mail", "fax": "fax", "print": "paper, handed over"}
DAYS_OF_A_PLAN = 30


def require_decided(state: str) -> None:
    """Raises Refused(not_decided) while a document still waits for somebody."""
    if state == "sent":
        raise Refused("not_decided", "The certificate is there when the document is signed or declined.")


def days_left_then(began_on: datetime.date | None, sent_on: datetime.date | None) -> str | None:
    """How many of the 30 days of a plan of care were left when it was transmitted (42 CFR 424.24(c)), in words."""
    if began_on is None or sent_on is None:
        return None
    left = DAYS_OF_A_PLAN - (sent_on - began_on).days
    if left < 0:
        return f"{-left} days after the 30 days from the beginning of care on {began_on.isoformat()}"
    return f"{left} of 30 days left from the beginning of care on {began_on.isoformat()}"
