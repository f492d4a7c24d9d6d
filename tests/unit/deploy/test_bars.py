"""A bar holds if one of a few runs meets it, and fails if none does."""

from __future__ import annotations

import pytest

from tests.support.bars import hold_at_best


def test_a_bar_that_holds_once_is_held_and_measured_no_more() -> None:
    took = iter([0.9, 0.2, 0.9])

    def measure() -> None:
        assert next(took) < 0.5

    hold_at_best(measure)
    assert next(took) == 0.9


def test_a_bar_that_no_run_keeps_is_not_held() -> None:
    took = iter([0.9, 0.8, 0.7, 0.1])

    def measure() -> None:
        assert next(took) < 0.5

    with pytest.raises(AssertionError, match=r"0\.7"):
        hold_at_best(measure)


def test_another_error_is_not_tried_again() -> None:
    tries = []

    def measure() -> None:
        tries.append(1)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it has no text
        hold_at_best(measure)
    assert len(tries) == 1
