"""Names are found as they are typed: whole, begun, in the middle, run together, misspelt."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.spelling import search_key
from services.referrals.directory.names import Names
from services.referrals.directory.rules import errors_forgiven

DIRECTORY = (
    "Harbor Shelter Alliance",
    "Night Shelter",
    "Shelter Fund",
    "Family Housing First",
    "St. Mary's Café & Pantry",
    "Veterans' Transport 211",
    "Foothills Clinic",
)


def names(*given: str, inactive: tuple[str, ...] = ()) -> Names:
    """A directory where each name is its own id."""
    made = Names()
    for name in given or DIRECTORY:
        made.put(name, search_key(name), is_inactive=name in inactive)
    return made


def found(
    typed: str, made: Names | None = None, limit: int = 10, *, include_inactive: bool = False
) -> list[str]:
    return (made or names()).find(typed, limit, include_inactive=include_inactive)


@pytest.mark.seed("S0-20")
@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("family housing first", "Family Housing First"),
        ("fam", "Family Housing First"),
        ("FIRST fam", "Family Housing First"),
        ("ousing", "Family Housing First"),
        ("marys cafe", "St. Mary's Café & Pantry"),
        ("famliy", "Family Housing First"),
        ("faimly housng", "Family Housing First"),
        ("housinf frist", "Family Housing First"),
        ("pnatry", "St. Mary's Café & Pantry"),
        ("trasnprot", "Veterans' Transport 211"),
        ("vetreans", "Veterans' Transport 211"),
        ("familyhousing", "Family Housing First"),
        ("foot hills", "Foothills Clinic"),
        ("foothils clin", "Foothills Clinic"),
    ],
)
def test_a_name_is_found_as_it_is_typed(typed: str, name: str) -> None:
    assert found(typed)[:1] == [name]


@pytest.mark.parametrize(
    "typed", ["", "   ", "...", "zebra", "fam zebra", "fmy", "veterans 212", "transport 112"]
)
def test_what_is_something_else_finds_nothing(typed: str) -> None:
    # Short words and numbers match exactly, as nearly all others are similar.
    assert found(typed) == []


def test_the_name_itself_comes_first_then_beginnings_then_words_then_the_middle_then_errors() -> None:
    made = names("Shelter", "Shelter Fund", "Night Shelter", "Animal Bashelter", "Shetler House")

    assert found("shelter", made) == [
        "Shelter",
        "Shelter Fund",
        "Night Shelter",
        "Animal Bashelter",
        "Shetler House",
    ]
    assert found("shelter", made, limit=2) == ["Shelter", "Shelter Fund"]


def test_fewer_errors_come_before_more() -> None:
    assert found("transprot", names("Tarnsport Two", "Transport One")) == ["Transport One", "Tarnsport Two"]


def test_inactive_ones_come_after_others_that_fit_as_well_and_only_if_asked_for() -> None:
    made = names("Shelter A", "Shelter B", "Night Shelter", inactive=("Shelter A",))

    assert found("shelter", made) == ["Shelter B", "Night Shelter"]
    assert found("shelter", made, include_inactive=True) == ["Shelter B", "Shelter A", "Night Shelter"]


def test_a_renamed_one_is_found_by_its_new_name_only() -> None:
    made = names()
    made.put("Night Shelter", "winter haven", is_inactive=False)

    assert found("winter", made) == ["Night Shelter"]
    assert found("night", made) == []
    made.put("Night Shelter", "winter haven", is_inactive=True)
    assert found("winter", made) == []


def test_many_new_words_at_once_are_found_like_few() -> None:
    made = names()
    for number in range(2_000):
        made.put(str(number), f"word{number:04d} place", is_inactive=False)

    assert found("word1234", made) == ["1234"]
    assert found("night", made) == ["Night Shelter"]


def test_a_new_word_is_sorted_in_once() -> None:
    made = names("Night Shelter")
    for _ in range(2):
        found("night", made)
    assert made._words == ["night", "shelter"]


@pytest.mark.parametrize(
    ("typed", "errors"), [("abc", 0), ("abcd", 1), ("abcdefg", 1), ("abcdefgh", 2), ("abc12345", 0)]
)
def test_longer_words_may_have_more_errors_and_numbers_none(typed: str, errors: int) -> None:
    assert errors_forgiven(typed) == errors


@settings(max_examples=60)
@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8, unique_by=search_key))
def test_every_name_with_a_letter_finds_itself_first(given_names: list[str]) -> None:
    made = names(*given_names)

    for name in given_names:
        if search_key(name):
            assert found(name, made)[:1] == [name]


@given(st.sets(st.text("ab1٣2z0é", min_size=1, max_size=5), max_size=30), st.integers(1, 5))
def test_the_beginnings_of_words_are_those_without_a_digit_and_know_where_their_words_are(
    words: set[str], length: int
) -> None:
    made = names(*words)
    made._sort_words()
    expected = {word[:length] for word in made._words if not any(map(str.isdigit, word[:length]))}
    beginnings = made._beginnings_of(length)
    assert [text for text, *_ in beginnings] == sorted(expected)
    for text, *_, start, end in beginnings:
        assert {word for word in made._words if word[:length] == text} == set(made._words[start:end])
