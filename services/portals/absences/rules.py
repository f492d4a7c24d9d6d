"""Who stands in for whom. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

DEFAULT_VERSION = 1


def problems(
    account_id: str,
    from_on: datetime.date,
    until_on: datetime.date,
    surrogate_id: str | None,
    today: datetime.date,
) -> Iterator[tuple[str, str]]:
    """All that is wrong with an absence: pairs of the member and a sentence."""
    if until_on < from_on:
        yield "until_on", "The last day comes before the first one. Choose a later day."
    elif until_on < today:
        yield "until_on", "The last day has passed. Choose today or a later day."
    if surrogate_id == account_id:
        yield "surrogate_id", "You cannot stand in for yourself. Choose a colleague."


def stand_in(account_id: str, away: Mapping[str, Any]) -> str | None:
    """Who has the work of an account: itself, unless it is away; else its surrogate, or who stands in for that one.

    `away` are the absences of the day by account. None where nobody of them is there.
    """
    asked: set[str] = set()
    at: str | None = account_id
    while at is not None and at in away and at not in asked:
        asked.add(at)
        at = away[at].surrogate_id
    return None if at in asked else at


def first_back(account_ids: list[str], away: Mapping[str, Any]) -> Any:
    """Where all of these accounts are away, the absence that ends first. None where one is there, and for no account."""
    if not account_ids or any(each not in away for each in account_ids):
        return None
    return min((away[each] for each in account_ids), key=lambda each: (each.until_on, each.account_id))
