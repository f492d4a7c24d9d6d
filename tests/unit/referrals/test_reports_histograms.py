"""Histograms as whole numbers give the same figures as the stays they were made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.referrals.reports.histograms import histogram_of, packed, percentiles, unpacked

STAYS = st.lists(st.integers(0, 900), max_size=60)


def by_sorting(stays: list[int], share: int) -> int:
    """The percentile by nearest rank."""
    return sorted(stays)[-(-len(stays) * share // 100) - 1]


@given(STAYS.filter(bool))
def test_count_and_percentiles_are_those_of_the_stays(stays: list[int]) -> None:
    expected = len(stays), tuple(by_sorting(stays, share) for share in (1, 50, 90, 100))

    assert percentiles(histogram_of(stays), 1, 50, 90, 100) == expected


@given(STAYS, STAYS)
def test_histograms_are_added_and_subtracted_as_numbers_are(one: list[int], other: list[int]) -> None:
    together = histogram_of(one + other)

    assert histogram_of(one) + histogram_of(other) == together
    assert together - histogram_of(other) == histogram_of(one)


@given(STAYS)
def test_what_was_kept_is_read_again(stays: list[int]) -> None:
    assert unpacked(packed(histogram_of(stays))) == histogram_of(stays)


def test_a_million_stays_of_one_class_do_not_run_into_the_next() -> None:
    many = 1_000_000 * histogram_of([7])

    assert percentiles(many + histogram_of([8]), 50, 100) == (1_000_001, (7, 8))
