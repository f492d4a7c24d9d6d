"""Pure rules of identity: what roles hold, what features need, how often a log-in may be tried.

Standard library only, plus the published refusals.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from services.contracts.errors import Refused
from services.identity.people.rules import PROVIDER, STAFF

PROVIDER_LEVEL = "provider_portal_user"
ASSIGNABLE_LEVELS = frozenset({"agency", "program"})

PERMISSIONS = frozenset(
    {
        "directory.read",
        "directory.import",
        "queue.manage",
        "queue.read",
        "capacity.read",
        "capacity.edit",
        "record.create",
        "record.read",
        "referral.assign",
        "referral.read",
        "referral.change_status",
        "account.manage",
        "account.read",
        "organisation.manage",
        "portal.configure",
        "document.send",
        "document.read",
        "document.sign",
        "delivery.read",
        "audit.read",
        "workflow.manage_family_portal_access",
        "person.read",
        "person.manage",
        "chart.merge",
        "portal.manage_chart_tabs",
        "portal.view_preliminary_documents",
        "access.explain",
        "access.break_glass",
    }
)

_TRAINEE = frozenset(
    {"directory.read", "queue.read", "capacity.read", "record.create", "record.read", "referral.read"}
)
_STANDARD = _TRAINEE | {
    "capacity.edit",
    "referral.assign",
    "referral.change_status",
    "document.send",
    "document.read",
    "access.break_glass",
}
_SUPERVISOR = _STANDARD | {"directory.import", "queue.manage", "account.read", "delivery.read", "person.read"}

# Each organisation gets these when it is created; from then on they are its own data (S0-15).
DEFAULT_ROLES: Mapping[str, tuple[str, frozenset[str]]] = {
    "trainee": (STAFF, _TRAINEE),
    "standard": (STAFF, _STANDARD),
    "supervisor": (STAFF, _SUPERVISOR),
    "admin": (STAFF, PERMISSIONS - {"document.sign"}),
    PROVIDER_LEVEL: (
        PROVIDER,
        # The ReferralQs of the own programs: labels of statuses, reasons and outcomes to choose from.
        frozenset({"queue.read", "referral.read", "capacity.read", "document.read", "document.sign"}),
    ),
}

# What a provider's role does not hold by itself: the account's own switches add it (S0-22, S0-23).
_BY_SWITCH: Mapping[str, str] = {
    "can_edit_capacity": "capacity.edit",
    "can_change_status": "referral.change_status",
}


def switch_of(permission: str) -> str | None:
    """The switch of a provider's account that decides about this permission, None where its role does."""
    return next((switch for switch, switched in _BY_SWITCH.items() if switched == permission), None)


_FEATURE_NEEDS: Mapping[str, str] = {"provider_portal": "referralq"}


def portal_is_open(features: Collection[str]) -> bool:
    """Whether provider accounts may work at all (S0-5)."""
    return "provider_portal" in features and "referralq" in features


def checked_features(wanted: Iterable[str]) -> list[str]:
    """The features, sorted and each once. Raises Refused(feature_needs_another) where one is missing (S0-5)."""
    features = set(wanted)
    for feature, needed in _FEATURE_NEEDS.items():
        if feature in features and needed not in features:
            raise Refused(
                "feature_needs_another",
                f"{feature} is available only together with {needed}.",
                field="features",
                needs=needed,
            )
    return sorted(features)


def effective_permissions(
    realm: str, held: Iterable[str], switches: Mapping[str, bool], features: Collection[str]
) -> list[str]:
    """What an account may do now: its role's permissions, narrowed and widened by its realm's conditions.

    `switches` are can_edit_capacity and can_change_status of a provider account. Sorted.
    """
    if realm != PROVIDER:
        return sorted(held)
    if not portal_is_open(features):
        return []
    # A role may have been edited to hold a switched permission: the switch still decides.
    fixed = set(held) - set(_BY_SWITCH.values())
    return sorted(fixed | {permission for switch, permission in _BY_SWITCH.items() if switches[switch]})


def normal_login(login: str) -> str:
    """A login as it is compared: without regard to case and surrounding space."""
    return login.strip().casefold()


@dataclass(frozen=True)
class Limit:
    """How often something may be tried for one key.

    `most` tries, then a rest of `rest_s`. After `free` tries each further one waits, twice as long each time.
    `most_in_a_row` without a success stops it until the key is cleared; None is unlimited.
    """

    most: int
    rest_s: int
    free: int
    most_in_a_row: int | None = None


# NIST SP 800-63B-4 allows at most 100 failures in a row; ten in a quarter of an hour let the owner in, too.
LOGIN_LIMIT = Limit(most=10, rest_s=900, free=3, most_in_a_row=100)
RESET_LIMIT = Limit(most=5, rest_s=900, free=5)


@dataclass(frozen=True)
class Tries:
    """Earlier tries: how many in this run, how many in a row since the last success, when the last one was."""

    count: int = 0
    in_a_row: int = 0
    last_at: datetime.datetime | None = None


@dataclass(frozen=True)
class Admission:
    """Whether a try is let through, what to remember of it, and if it is not, how long to wait."""

    is_allowed: bool
    tries: Tries
    retry_after_s: int = 0


def admit_try(before: Tries, now: datetime.datetime, limit: Limit) -> Admission:
    """Decide about one more try. A run ends `rest_s` after its last try: no such span ever holds more than `most`.

    A refused try is not counted: otherwise an attacker could keep the owner out for ever.
    """
    if limit.most_in_a_row is not None and before.in_a_row >= limit.most_in_a_row:
        return Admission(False, before, limit.rest_s)
    # Of two tries at once the one that waited for the other has begun before it: that is no time at all, not less.
    waited_s = max(0.0, (now - before.last_at).total_seconds()) if before.last_at else float(limit.rest_s)
    if waited_s >= limit.rest_s:
        return Admission(True, Tries(1, before.in_a_row + 1, now))
    pause_s = _pause_s(before.count, limit)
    if waited_s < pause_s:
        return Admission(False, before, max(1, round(pause_s - waited_s + 0.5)))
    return Admission(True, Tries(before.count + 1, before.in_a_row + 1, now))


def _pause_s(count: int, limit: Limit) -> float:
    """Seconds between the try number `count` and the next."""
    if count >= limit.most:
        return limit.rest_s
    return 0 if count < limit.free else min(2.0 ** (count - limit.free + 1), limit.rest_s)
