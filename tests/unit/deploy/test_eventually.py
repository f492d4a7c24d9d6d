"""`eventually`, by which tests wait."""

from __future__ import annotations

import pytest

from tests.support.eventually import eventually


def test_it_returns_what_the_probe_returned_once_it_held() -> None:
    answers = iter([None, None, "here"])

    def probe() -> str:
        answer = next(answers)
        assert answer is not None
        return answer

    assert eventually(probe, every_s=0) == "here"


def test_it_fails_with_the_last_reason() -> None:
    reasons = iter(range(1_000_000))

    def probe() -> None:
        raise AssertionError(f"reason {next(reasons)}")

    with pytest.raises(AssertionError, match=r"reason [1-9]"):
        eventually(probe, timeout_s=0.05, every_s=0.01)


def test_a_mistake_in_the_probe_is_not_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        eventually(lambda: 1 // 0, timeout_s=60)
