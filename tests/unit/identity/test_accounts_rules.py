"""Names of authors as others see them."""

from __future__ import annotations

import pytest

from services.identity.accounts import rules


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        ("Sam", "Fisher", "Sam F."),
        ("  Sam  Lee ", " fisher", "Sam Lee F."),
        ("Åsa", "E\u0301mile", "Åsa É."),
        ("Sam", None, "Sam"),
        ("Sam", " ", "Sam"),
        (None, "Fisher", None),
        (None, None, None),
    ],
)
def test_an_author_is_called_by_first_name_and_initial(
    first: str | None, last: str | None, shown: str | None
) -> None:
    assert rules.author_name(first, last) == shown
