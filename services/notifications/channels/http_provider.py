"""A provider of faxes or text messages that is asked by HTTP: the generic adapter.

It posts to the address of the setting, with the key as `Authorization: Bearer …` and the delivery's id as `Idempotency-Key`
and as the member `reference`. A fax is multipart/form-data with `reference`, `number` (E.164) and two parts `file` (PDF), the
cover sheet first. A text message is a form with `reference`, `number` and `text`. 2xx means taken; what became of it the
provider reports to `POST /v1/deliveries/receipts`. A provider with another interface has a small program in between.

There may be several, in order. Which of them gets a message says `rules.chosen`.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

from services.chassis.outgoing_http import DEADLINE_S, ExchangeFault, exchange, guard
from services.notifications.channels.failures import DeliveryFailed, Permanent, Temporary

# The operator has named the provider, which may be a machine of its own network. An organisation cannot name one.
EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
# The provider says that this message is wrong: bad request, no such number, too large, not understood.
REFUSED = frozenset({400, 404, 410, 413, 415, 422})


@dataclass(frozen=True)
class HttpProvider:
    """Where faxes or text messages go; `repr` leaves the key out."""

    url: str
    key: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    timeout_s: float = DEADLINE_S

    @property
    def name(self) -> str:
        """Its host and port, by which it is told from others of its channel."""
        return urlsplit(self.url).netloc.rpartition("@")[2].lower()

    @property
    def is_encrypted(self) -> bool:
        """Whether messages go there by TLS."""
        return self.url.startswith("https://")


@functools.lru_cache(8)
def providers_of(urls: str | None, keys: str | None) -> tuple[HttpProvider, ...]:
    """The providers of two settings, in order: addresses and keys, separated by commas. A single one has the whole key."""
    found = [each.strip() for each in (urls or "").split(",") if each.strip()]
    if len(found) <= 1:
        return tuple(HttpProvider(url, keys) for url in found)
    own = [each.strip() or None for each in keys.split(",")] if keys else [None] * len(found)
    return tuple(HttpProvider(url, key) for url, key in zip(found, own, strict=True))


def send_fax(provider: HttpProvider, reference: str, number: str, files: Sequence[tuple[str, bytes]]) -> None:
    """Hand a fax over; `files` are names and contents of PDFs. Raises Temporary or Permanent."""
    parts = [("file", (name, content, "application/pdf")) for name, content in files]
    _post(provider, reference, data={"reference": reference, "number": number}, files=parts)


def send_text(provider: HttpProvider, reference: str, number: str, text: str) -> None:
    """Hand a text message over. Raises Temporary or Permanent."""
    _post(provider, reference, data={"reference": reference, "number": number, "text": text})


def _post(provider: HttpProvider, reference: str, **body: Any) -> None:
    headers = {"Idempotency-Key": reference}
    if provider.key is not None:
        headers["Authorization"] = f"Bearer {provider.key}"
    failure: DeliveryFailed | None
    try:
        with exchange(), requests.Session() as session:
            guard(session, EVERYWHERE, provider.ca_file)
            answer = session.post(provider.url, headers=headers, allow_redirects=False, **body)
        failure = failure_of(answer.status_code)
    except ExchangeFault as fault:
        is_untaken = not fault.was_sent or fault.reason == "redirected"
        failure = Temporary(fault.reason, is_outage=True, is_untaken=is_untaken)
    if failure is not None:
        # Raised here, so that the original error, which may quote the number, is not its context.
        raise failure


def failure_of(status: int) -> DeliveryFailed | None:
    """What an HTTP status means for a message; None where it was taken."""
    if 200 <= status < 300:
        return None
    if status in REFUSED:
        return Permanent("provider_refused", status)
    is_key_wrong = status in (requests.codes.unauthorized, requests.codes.forbidden)
    # Any other fault of a server may have come after it had taken the message.
    is_untaken = status < requests.codes.server_error or status == requests.codes.unavailable
    reason = "login_refused" if is_key_wrong else "provider_busy"
    return Temporary(reason, status, is_outage=True, is_untaken=is_untaken)
