"""Pure rules of API clients."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable

from services.contracts.errors import Refused

API_SESSION_LIFETIME = datetime.timedelta(hours=1)

# Permissions that only a person can use.
NEVER_A_SCOPE = frozenset({"document.sign"})


def checked_scopes(wanted: Iterable[str], permissions: Collection[str], held: Collection[str]) -> list[str]:
    """The wanted scopes, sorted. They must be known permissions that the caller holds. Raises Refused(scope_refused)."""
    scopes = set(wanted)
    grantable = (set(permissions) & set(held)) - NEVER_A_SCOPE
    refused = sorted(scopes - grantable)
    if refused or not scopes:
        raise Refused(
            "scope_refused",
            "scopes: name at least one permission, and only permissions that you hold and a system may have.",
            field="scopes",
            refused=refused,
            allowed=sorted(grantable),
        )
    return sorted(scopes)
