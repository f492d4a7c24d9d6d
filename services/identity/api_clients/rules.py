"""Pure rules of API clients."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable

from services.contracts.errors import Refused

API_SESSION_LIFETIME = datetime.timedelta(hours=1)

# What only a person can do.
NEVER_A_SCOPE = frozenset({"document.sign"})


def checked_scopes(wanted: Iterable[str], permissions: Collection[str], held: Collection[str]) -> list[str]:
    """Scopes of an API client, sorted. Nobody gives away what he does not hold. Raises Refused(scope_refused)."""
    scopes = set(wanted)
    grantable = (set(permissions) & set(held)) - NEVER_A_SCOPE
    refused = sorted(scopes - grantable)
    if refused or not scopes:
        raise Refused(
            "scope_refused",
            "scopes: name at least one permission, and only such as you hold and a system may have.",
            field="scopes",
            refused=refused,
            allowed=sorted(grantable),
        )
    return sorted(scopes)
