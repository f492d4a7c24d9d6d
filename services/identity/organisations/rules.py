"""Pure rules of organisations: which features need which, their short names, the realms that they publish."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from services.contracts.errors import Refused
from services.contracts.spelling import search_key
from services.identity.realms.rules import PROVIDER, REALMS

_FEATURE_NEEDS: Mapping[str, str] = {"provider_portal": "referralq"}
MOST_OF_SHORT_NAME = 40


def short_name_of(name: str) -> str | None:
    """A short name for addresses made of an organisation's name: "Harbor County 2-1-1" gives "harbor-county-2-1-1".

    None for a name with too few Latin letters.
    """
    words = re.sub("[^a-z0-9]+", "-", search_key(name)).lstrip("-0123456789")
    short = words[:MOST_OF_SHORT_NAME].strip("-")
    return short if len(short) > 1 else None


def published(realms: Iterable[str] | None) -> list[str]:
    """The published realms, in the order of the realms; all of them where the organisation has not chosen."""
    chosen = frozenset(REALMS if realms is None else realms)
    return [realm for realm in REALMS if realm in chosen]


def open_realms(realms: Iterable[str] | None, features: Collection[str]) -> list[str]:
    """The published realms, without the Provider Portal where it is switched off (S0-5)."""
    return [realm for realm in published(realms) if realm != PROVIDER or "provider_portal" in features]


def checked_features(wanted: Iterable[str]) -> list[str]:
    """The features, sorted, without repetition. Raises Refused(feature_needs_another) where one is missing (S0-5)."""
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
