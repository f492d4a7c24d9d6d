"""Webhooks: an HTTP request to a subscriber's address, signed as Standard Webhooks 1.0 says (standardwebhooks.com).

The headers are `webhook-id` (the same for every try), `webhook-timestamp` (seconds) and `webhook-signature`: `v1,` and the
Base64 of HMAC-SHA256 over `id.timestamp.body` with the subscriber's secret. The address that was checked is the one that is
connected to (`outgoing_http`); redirects are not followed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection

import requests

from services.chassis.outgoing_http import ExchangeFault, exchange, guard
from services.contracts.web_addresses import Network
from services.notifications.channels.failures import DeliveryFailed, Permanent, Temporary

SECRET_PREFIX = "whsec_"  # noqa: S105 - how Standard Webhooks writes a secret


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def shown_secret(secret: bytes) -> str:
    """The secret as a subscriber gets it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def post(
    url: str, message_id: str, body: bytes, secret: bytes, timestamp: int, networks: Collection[Network]
) -> None:
    """Post a signed message. `networks` are ranges of our own network in which subscribers may be.

    Raises Temporary, or Permanent for 410 Gone, with which a subscriber says that it wants no more.
    """
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }
    failure: DeliveryFailed | None = None
    try:
        with exchange(), requests.Session() as session:
            guard(session, networks, None)
            status = session.post(url, data=body, headers=headers, allow_redirects=False).status_code
        if status == requests.codes.gone:
            failure = Permanent("subscriber_gone", status)
        elif not 200 <= status < 300:
            failure = Temporary("subscriber_refused", status, is_outage=True)
    except ExchangeFault as fault:
        failure = Temporary(fault.reason, is_outage=True)
    if failure is not None:
        raise failure
