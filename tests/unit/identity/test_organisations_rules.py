"""Features that need other features."""

from __future__ import annotations

import pytest

from services.contracts.errors import Refused
from services.identity.organisations import rules


def test_the_provider_portal_needs_referralq() -> None:
    with pytest.raises(Refused) as refusal:
        rules.checked_features(["provider_portal"])
    assert refusal.value.code == "feature_needs_another"
    assert rules.checked_features(["referralq", "provider_portal", "referralq"]) == [
        "provider_portal",
        "referralq",
    ]
