"""When an application ends, and what it is called. Pure."""

from __future__ import annotations

import datetime
import hashlib


def ends_at(seen_at: datetime.datetime, idle_minutes: int) -> datetime.datetime:
    """When an application ends that was seen last at this time."""
    return seen_at + datetime.timedelta(minutes=idle_minutes)


LEASE = datetime.timedelta(minutes=2)  # a request that sends has given up long before


def is_being_sent(
    held_by: str | None, until: datetime.datetime | None, asked_by: str | None, now: datetime.datetime
) -> bool:
    """Whether another request sends the application at this moment. A request may continue its own lease."""
    return held_by is not None and held_by != asked_by and until is not None and until > now


def person_request(application_id: str) -> str:
    """The request id under which the person of an application is drafted: however often it is asked, it is one person."""
    return f"application-{application_id}"


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def draft_key(application_id: str, questionnaire_id: str) -> str:
    """What a draft of an application is found by: never a name."""
    return f"application:{application_id}:{questionnaire_id}"


def number_of(application_id: str) -> str:
    """What the applicant keeps: it opens nothing."""
    return f"AP-{application_id[:8].upper()}"


def begun_in_words(number: str) -> str:
    """What the queue says of an application that is begun."""
    return f"Application {number}: begun, not sent yet."


def ended_in_words(number: str) -> str:
    """What the queue says of an application that was wiped."""
    return f"Application {number}: ended without being sent. What was entered is deleted."


def in_words(number: str, questionnaires: int) -> str:
    """What the queue says of an application that was sent."""
    counted = "1 questionnaire" if questionnaires == 1 else f"{questionnaires} questionnaires"
    return f"Application {number}: {counted} answered."
