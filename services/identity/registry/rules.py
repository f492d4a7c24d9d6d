"""Pure rules of people: the kinds of people, and spans of time."""

from __future__ import annotations

import datetime

from services.contracts.errors import Refused

PERSON_KINDS = ("client", "contact", "patient", "employee", "applicant", "staff")


def is_in_effect(
    starts_at: datetime.datetime, ends_at: datetime.datetime | None, now: datetime.datetime
) -> bool:
    """Whether a span includes `now`: it runs from its start until just before its end."""
    return starts_at <= now and (ends_at is None or now < ends_at)


def check_span(
    starts_at: datetime.datetime, ends_at: datetime.datetime | None, now: datetime.datetime
) -> None:
    """Raise Refused(invalid_request) for a span that ends before it begins or is already over."""
    if ends_at is not None and ends_at <= max(starts_at, now):
        raise Refused(
            "invalid_request",
            "ends_at: a time after starts_at and still to come is expected.",
            field="ends_at",
        )
