"""Pure rules of explaining access: each decision as a list of conditions. Standard library only.

The passport decides by `realms.rules.effective_permissions` and `relationships.profiles`; a test checks that these rules
agree with them.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from services.identity.realms.rules import PROVIDER, is_in_force, portal_is_open, switch_of
from services.identity.registry.rules import is_in_effect


@dataclass(frozen=True)
class Step:
    """One condition: its name, what was found (a word or a code), and whether it holds."""

    name: str
    holds: bool
    found: str
    starts_at: datetime.datetime | None = None
    ends_at: datetime.datetime | None = None


def is_allowed(steps: Iterable[Step]) -> bool:
    """Whether every condition holds."""
    return all(step.holds for step in steps)


def account_step(state: str) -> Step:
    """The condition that the account is active."""
    return Step("account", state == "active", state)


def workforce_steps(
    realm: str,
    role: str | None,
    held: Collection[str],
    switched: Collection[str],
    features: Collection[str],
    permission: str,
) -> list[Step]:
    """Conditions of staff and providers: the role, and the feature of the portal or of what the permission is about.

    Where a switch decides about a provider's permission, the switch takes the place of the role. `switched` is what the
    account's switches give.
    """
    if role is None:
        return [Step("role", False, "no role")]
    steps = []
    if realm != PROVIDER and not is_in_force(permission, ()):
        is_on = is_in_force(permission, features)
        steps.append(Step("feature", is_on, f"referralq is {'on' if is_on else 'off'}"))
    if realm == PROVIDER:
        is_open = portal_is_open(features)
        steps.append(
            Step("feature", is_open, "provider_portal is on" if is_open else "provider_portal is off")
        )
        switch = switch_of(permission)
        if switch is not None:
            is_on = permission in switched
            return [*steps, Step("switch", is_on, f"{switch} is {'on' if is_on else 'off'}")]
    return [*steps, Step("role", permission in held, role)]


def assignment_step(
    assignments: Mapping[str, tuple[datetime.datetime, datetime.datetime | None]],
    resource_id: str,
    agency_id: str | None,
) -> Step:
    """The condition that the resource or its agency is assigned to the provider.

    `assignments` has the times of each assigned resource: created at, suspended at.
    """
    suspended: Step | None = None
    for found, wanted in (("direct", resource_id), ("of its agency", agency_id)):
        since, suspended_at = assignments.get(wanted or "", (None, None))
        if since is None:
            continue
        if suspended_at is None:
            return Step("assignment", True, found, since)
        suspended = suspended or Step("assignment", False, f"{found}, suspended", since, suspended_at)
    return suspended or Step("assignment", False, "none")


@dataclass(frozen=True)
class GrantFacts:
    """The facts of a grant that a decision depends on."""

    role: str
    permissions: frozenset[str]
    starts_at: datetime.datetime
    ends_at: datetime.datetime | None
    revoked_at: datetime.datetime | None
    role_is_disabled: bool
    person_is_disabled: bool
    person_is_discharged: bool

    def state(self, now: datetime.datetime) -> str:
        """`in effect`, or the reason why it is not."""
        if self.revoked_at is not None:
            return "revoked"
        if not is_in_effect(self.starts_at, self.ends_at, now):
            return "not yet begun" if now < self.starts_at else "expired"
        if self.role_is_disabled:
            return "role is disabled"
        if self.person_is_disabled:
            return "person is disabled"
        return "person is discharged" if self.person_is_discharged else "in effect"


def grant_steps(grants: Iterable[GrantFacts], permission: str, now: datetime.datetime) -> list[Step]:
    """Conditions of an account of a portal: a grant that is in effect, and its role.

    They are about one grant: one that gives the permission now, else one that is in effect, else the latest.
    """
    ranked = sorted(
        grants,
        key=lambda grant: (
            grant.state(now) == "in effect" and permission in grant.permissions,
            grant.state(now) == "in effect",
            grant.starts_at,
        ),
    )
    if not ranked:
        return [Step("grant", False, "none")]
    best = ranked[-1]
    ends_at = best.revoked_at or best.ends_at
    state = best.state(now)
    return [
        Step("grant", state == "in effect", state, best.starts_at, ends_at),
        Step("role", permission in best.permissions, best.role),
    ]
