"""Scopes of API clients."""

from __future__ import annotations

import pytest

from services.contracts.errors import Refused
from services.identity.api_clients import rules
from services.identity.realms.rules import PERMISSIONS


def test_scopes_are_what_the_granter_holds_and_a_system_may_have():
    held = {"referral.read", "document.sign", "queue.read"}

    assert rules.checked_scopes(["referral.read", "referral.read"], PERMISSIONS, held) == ["referral.read"]
    for wrong in (
        [],
        ["document.sign"],
        ["organisation.manage"],
        ["nonsense"],
        ["referral.read", "nonsense"],
    ):
        with pytest.raises(Refused) as refusal:
            rules.checked_scopes(wrong, PERMISSIONS, held)
        assert refusal.value.code == "scope_refused"
        assert refusal.value.more["allowed"] == ["queue.read", "referral.read"]
