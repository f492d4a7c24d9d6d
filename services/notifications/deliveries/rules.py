"""When a message is tried again, and when it is given up. Pure: standard library only."""

from __future__ import annotations

import datetime

MAX_TRIES = 48
FIRST_PAUSE_S = 5
LONGEST_PAUSE_S = 300

# Of the built-in texts. Raise it when a text changes its meaning, so that a delivery tells what it said.
TEMPLATE_VERSION = 1
# About something of nobody's account yet: the thing's id stands in the account's place, and no event tells of it.
WITHOUT_ACCOUNT = frozenset({"identity_not_verified", "pickup_code"})
# Sent also where nobody has proved to read the address (S0-43): who is asked to come has not been there yet (S4-15), and
# who does not expect a change of the ways in must learn of it.
ALSO_UNVERIFIED = frozenset(
    {"document_ready_to_sign", "second_factor_enabled", "second_factor_removed", "account_enabled"}
)
# A delivery in one of these states is over; the others are still to be sent.
FINAL_STATES = frozenset({"sent", "suppressed", "permanent_failure", "technical_failure"})


def pause_after(tries: int) -> datetime.timedelta | None:
    """How long to wait after the `tries`-th temporary failure (from 1): 5 s, doubling, at most 5 min.

    None after the 48th, which comes about three and a half hours after the first: then it is given up.
    """
    if tries < 1:
        raise ValueError("tries are counted from 1")
    if tries >= MAX_TRIES:
        return None
    # The exponent is cut so that the number stays small; from the seventh try on the longest pause holds anyway.
    return datetime.timedelta(seconds=min(FIRST_PAUSE_S * 2 ** min(tries - 1, 10), LONGEST_PAUSE_S))


def kind_of_credential_message(purpose: str) -> str:
    """The kind of message for an invitation's purpose. Raises ValueError for one that is not known."""
    kinds = {
        "invitation": "account_invited",
        "temporary_password": "account_invited_with_password",
        "reset": "password_reset",
        "verify_email": "email_confirmation",
    }
    if purpose not in kinds:
        raise ValueError("unknown purpose of a credential link")
    return kinds[purpose]


def kind_of_second_factor_message(change: str) -> str:
    """The kind of message for a change of a second factor: it protects the account now, or it does not any more."""
    return "second_factor_enabled" if change == "enabled" else "second_factor_removed"


def spoken(minutes: int) -> str:
    """A lifetime as a message says it: whole days as days, everything else in minutes."""
    days, rest = divmod(minutes, 24 * 60)
    if rest or not days:
        return f"{minutes} minutes"
    return "1 day" if days == 1 else f"{days} days"
