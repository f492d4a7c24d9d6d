"""Pure rules of organisations: which features need which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.contracts.errors import Refused

_FEATURE_NEEDS: Mapping[str, str] = {"provider_portal": "referralq"}


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
