"""Rules of offers: how they end, which step of a referral takes one, what a program has answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from services.contracts.errors import Refused
from services.referrals.queues.rules import Status

OPEN, ACCEPTED, EXHAUSTED, WITHDRAWN, EXPIRED = "open", "accepted", "exhausted", "withdrawn", "expired"
STATES = (OPEN, ACCEPTED, EXHAUSTED, WITHDRAWN, EXPIRED)
# Why the referral of an offer was taken back, beside the reasons that its sender may give.
ACCEPTED_ELSEWHERE, OFFER_EXPIRED = "accepted_elsewhere", "offer_expired"

_CAME_TO_NOTHING = frozenset({"rejected", "cancelled", "failed", "entered-in-error"})


class Part(StrEnum):
    """What a step of a referral is for its offer: nothing, one answer of several, or the one that takes it."""

    NONE = "none"
    ASKED = "asked"
    TAKES = "takes"


def takes(target: Status) -> bool:
    """Whether a referral that comes to this status takes its offer: it is more than offered there, and no refusal."""
    return target.stage != "offered" and target.fhir_status not in _CAME_TO_NOTHING


def may_open_again(state: str, expires_at: datetime | None, now: datetime) -> bool:
    """Whether the offer opens again with a referral that was declined: all had declined, and its time is not over."""
    return state == EXHAUSTED and (expires_at is None or now < expires_at)


def check_programs(program_ids: Sequence[str]) -> None:
    """Raise Refused `invalid_request` where a program is named twice."""
    if len(set(program_ids)) < len(program_ids):
        raise Refused("invalid_request", "Name each program once.", "program_ids")


def end_of(expires_at: datetime | None, hours: int | None, now: datetime) -> datetime | None:
    """When the offer ends by itself, None for never. Raises Refused `invalid_request`."""
    if expires_at is not None and hours is not None:
        raise Refused(
            "invalid_request", "Give either `expires_at` or `expires_in_hours`.", "expires_in_hours"
        )
    if hours is not None:
        return now + timedelta(hours=hours)
    if expires_at is not None and expires_at <= now:
        raise Refused("invalid_request", "Choose a time to come.", "expires_at")
    return expires_at


def answer_of(*, is_accepted: bool, is_ended: bool, is_taken_back: bool) -> str:
    """What a program has answered: "none", "accepted", "declined", or "withdrawn" where it was not needed any more."""
    if is_accepted:
        return "accepted"
    if not is_ended:
        return "none"
    return "withdrawn" if is_taken_back else "declined"
