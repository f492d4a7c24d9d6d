"""The outcome of one try of a delivery, and what keeps a message from being tried."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from services.notifications.channels.status_codes import Finding

IN_DIGEST = "in_digest"
PROVIDER_RESTS = "provider_rests"


@dataclass(frozen=True)
class Outcome:
    """The outcome of one try. `state` is one of the contract's STATES."""

    state: str
    reason: str | None = None
    # Until when it waits, where the account wants nothing now; of what is in a summary, when that is due.
    waits_until: datetime.datetime | None = None
    # The provider has failed, whatever the message.
    is_outage: bool = False
    # What a mail server said about the address when it refused for good.
    found: Finding = "message"
    # What becomes at once of a message that was not really sent: `delivered` or `complained`.
    simulated: str | None = None


SENT = Outcome("sent")


class InDigest(Exception):
    """The account is told of this in its summary of the day, which is due then."""

    def __init__(self, due_at: datetime.datetime) -> None:
        super().__init__(IN_DIGEST)
        self.outcome = Outcome("suppressed", IN_DIGEST, due_at)


class NotNow(Exception):
    """The message waits until then; by default, as the account wants nothing at this hour."""

    def __init__(self, until: datetime.datetime, reason: str = "quiet_hours") -> None:
        super().__init__(reason)
        self.outcome = Outcome("created", reason, until)


class Simulated(Exception):
    """Nothing is sent, and `result` is what would become of it: `delivered` or `complained`."""

    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.outcome = Outcome("sent", simulated=result)


class NoRecipient(Exception):
    """The account gets no message; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.outcome = Outcome("suppressed", reason)


class TakenOver(Exception):
    """The lease has ended, and another sender has the message: this try hands nothing over and records nothing."""
