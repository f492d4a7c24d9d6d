"""How a channel says that a message was not taken. `reason` is one of a fixed set of words, never a provider's text."""

from __future__ import annotations

from services.notifications.channels.status_codes import Finding


class DeliveryFailed(Exception):
    """The provider did not accept a message. `code` is the number that it answered, if it gave one.

    `is_outage`: the failure is the provider's and not the message's, so the next message would fail alike. `is_untaken`: the
    provider certainly has not got the message, so another one may be given it.
    """

    def __init__(
        self, reason: str, code: int | None = None, *, is_outage: bool = False, is_untaken: bool = False
    ) -> None:
        super().__init__(f"{reason} ({code})" if code else reason)
        self.is_untaken = is_untaken
        self.reason = reason
        self.code = code
        self.is_outage = is_outage


class Temporary(DeliveryFailed):
    """Another try may succeed: a network error, a busy provider, or a configuration that an operator can correct."""


class Permanent(DeliveryFailed):
    """The provider will never accept this message for this recipient. `found`: what it says about an e-mail address."""

    def __init__(self, reason: str, code: int | None = None, *, found: Finding = "message") -> None:
        super().__init__(reason, code)
        self.found = found
