"""A bar holds if one of a few runs meets it, and fails if none does."""

from __future__ import annotations

import os

import pytest

from tests.support.bars import hold_at_best


def test_a_bar_that_holds_once_is_held_and_measured_no_more() -> None:
    took = iter([0.9, 0.2, 0.9])

    def measure() -> None:
        assert next(took) < 0.5

    hold_at_best(measure)
    assert next(took) == 0.9


@pytest.mark.parametrize("load", [0.0, 2.1])
def test_a_bar_that_no_run_keeps_is_not_held_unless_the_machine_is_overloaded(
    load: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    took = iter([0.9, 0.8, 0.7, 0.1])

    def measure() -> None:
        assert next(took) < 0.5

    if load:
        hold_at_best(measure)
    else:
        with pytest.raises(AssertionError, match=r"0\.7"):
            hold_at_best(measure)
    assert next(took) == 0.1


def test_another_error_is_not_tried_again() -> None:
    tries = []

    def measure() -> None:
        tries.append(1)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it has no text
        hold_at_best(measure)
    assert len(tries) == 1
