"""What ties a provider's report, or a returned mail, to a delivery: signatures with the key that providers share with us."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

from services.notifications.deliveries import rules

_TAG_DIGITS = 16
# A report that is older was recorded by somebody and is played again, or its sender's clock is wrong.
WITHIN_S = 300


def bounce_address(settings: Any, delivery_id: str) -> str | None:
    """The sender of a mail's envelope, to which servers return what they cannot deliver; None where nobody reads it.

    It names the delivery (variable envelope return path) and proves that we have made it, so a mail that only looks like a
    returned one ends no delivery.
    """
    if settings.mail_bounces_to is None or settings.provider_reports_key is None:
        return None
    local, _, domain = settings.mail_bounces_to.partition("@")
    return f"{local}+{delivery_id}={_tag(settings.provider_reports_key, delivery_id)}@{domain}"


def delivery_of_bounce(settings: Any, address: str) -> str | None:
    """The delivery whose returned mail comes to this address; None for any other address."""
    parts = re.fullmatch(
        rf"[^@+]+\+([0-9a-f]{{32}})=([0-9a-f]{{{_TAG_DIGITS}}})@[^@]+", address.strip().lower()
    )
    if parts is None or settings.provider_reports_key is None:
        return None
    tag = _tag(settings.provider_reports_key, parts[1])
    return parts[1] if hmac.compare_digest(tag, parts[2]) else None


def signature(key: str, kind: str, timestamp: int, content: str) -> str:
    """64 hex digits: HMAC-SHA256 over `kind.timestamp.content`."""
    return _hmac(key, f"{kind}.{timestamp}.{content}")


def is_signed(key: str | None, kind: str, timestamp: int, content: str, given: str, now: float) -> bool:
    """Whether a report was signed with the key, not long ago."""
    if key is None or abs(now - timestamp) > WITHIN_S:
        return False
    return hmac.compare_digest(signature(key, kind, timestamp, content), given)


def is_report_due(settings: Any, channel: str) -> bool:
    """Whether the provider of a channel reports what became of a message."""
    providers = {rules.FAX: settings.fax_provider_url, rules.TEXT: settings.text_provider_url}
    return providers.get(channel) is not None and settings.provider_reports_key is not None


def _tag(key: str, delivery_id: str) -> str:
    return _hmac(key, f"bounce.{delivery_id}")[:_TAG_DIGITS]


def _hmac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
