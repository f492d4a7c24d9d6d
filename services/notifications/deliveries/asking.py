"""Questions to other services about what a message says and to whom it goes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from services.chassis import wire
from services.chassis.runtime import Runtime
from services.contracts.errors import Refused
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.outcomes import NoRecipient

# Codes of identity that mean that the account gets no messages any more.
NO_RECIPIENT = {
    "not_found": "account_not_found",
    "account_disabled": "account_disabled",
    "already_decided": "already_decided",  # a fax that nobody needs any more
}


def ask(runtime: Runtime, delivery: Delivery, operation: Any, request: dict[str, Any]) -> Any:
    """The answer of another service, as of the delivery's organisation.

    Raises Refused, and NoRecipient where it says that nobody gets the message any more.
    """
    # Every try has a new request id: identity refuses a repeated one if the answer holds a secret.
    context = wire.CallContext(wire.new_id(), correlation_id=delivery.correlation_id)
    try:
        return runtime.ask(
            operation,
            request,
            organisation=(delivery.organisation_id, delivery.organisation_key),
            context=context,
        )
    except Refused as refusal:
        if refusal.code in NO_RECIPIENT:
            raise NoRecipient(NO_RECIPIENT[refusal.code]) from None
        raise


def appointment_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What `describe_appointment` answers, with its moments, which are texts on the wire, as datetimes with a zone."""
    moments = {name: datetime.datetime.fromisoformat(answer[name]) for name in ("starts_at", "ends_at")}
    return {**answer, **moments}
