"""Rules of authors: the side for which they work."""

from __future__ import annotations

import pytest

from services.referrals.authors.rules import side_of


@pytest.mark.parametrize(
    ("realm", "side"),
    [("staff", "partner"), ("api", "partner"), ("provider", "provider"), (None, "system")],
)
def test_each_realm_is_on_a_side(realm: str | None, side: str) -> None:
    assert side_of(realm) == side
