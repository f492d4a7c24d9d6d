"""Rules of offers: how an offer ends, which step of a referral accepts it, what a program has answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from services.contracts.errors import Refused
from services.referrals.queues.rules import Status

OPEN, ACCEPTED, EXHAUSTED, WITHDRAWN, EXPIRED = "open", "accepted", "exhausted", "withdrawn", "expired"
STATES = (OPEN, ACCEPTED, EXHAUSTED, WITHDRAWN, EXPIRED)
# The system's reasons for withdrawing a referral of an offer. The sender's reasons are in the contract.
ACCEPTED_ELSEWHERE, OFFER_EXPIRED = "accepted_elsewhere", "offer_expired"

_CAME_TO_NOTHING = frozenset({"rejected", "cancelled", "failed", "entered-in-error"})


class Part(StrEnum):
    """What a step of a referral is for its offer: nothing, one answer of several, or the acceptance."""

    NONE = "none"
    ASKED = "asked"
    TAKES = "takes"


def takes(target: Status) -> bool:
    """Whether reaching this status accepts the offer: its stage is past `offered`, and it does not decline or cancel."""
    return target.stage != "offered" and target.fhir_status not in _CAME_TO_NOTHING


def may_open_again(state: str, expires_at: datetime | None, now: datetime) -> bool:
    """Whether an offer reopens together with a declined referral: all programs had declined and its time is not over."""
    return state == EXHAUSTED and (expires_at is None or now < expires_at)


def check_programs(program_ids: Sequence[str]) -> None:
    """Raise Refused `invalid_request` where a program is named twice."""
    if len(set(program_ids)) < len(program_ids):
        raise Refused("invalid_request", "Name each program once.", "program_ids")


def end_of(expires_at: datetime | None, hours: int | None, now: datetime) -> datetime | None:
    """The time at which the offer ends by itself, None for never. Raises Refused `invalid_request`."""
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
    """A program's answer: "none", "accepted", "declined", or "withdrawn" where its answer is no longer needed."""
    if is_accepted:
        return "accepted"
    if not is_ended:
        return "none"
    return "withdrawn" if is_taken_back else "declined"
