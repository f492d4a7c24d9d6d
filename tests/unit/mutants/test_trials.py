"""When a change counts as noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.mutants.operators import Mutant
from tests.mutants.trials import Bench

PATH, BEFORE, AFTER = "services/toys/rules.py", "x = 1\n", "x = 2\n"
MUTANT = Mutant(PATH, 1, range(1, 2), BEFORE.strip(), AFTER.strip(), AFTER)
TESTS = ["tests/test_toys.py::test_one", "tests/test_toys.py::test_two"]


class Known:
    """Traces that know which tests run the line."""

    def tests_of(self, _mutant: Mutant) -> tuple[list[str], float]:
        return TESTS, 0.1


class Scripted(Bench):
    """A bench without a process: `said` by what the file holds."""

    def __init__(self, folder: Path, said: dict[str, str | None]) -> None:
        self._copy, self._traces, self._passed = folder, Known(), set()  # type: ignore[assignment]
        self._said = said
        self.asked: list[tuple[str, list[str]]] = []
        (folder / PATH).parent.mkdir(parents=True)
        (folder / PATH).write_text(BEFORE)

    def _ask(self, tests: list[str], timeout_s: float) -> Any:
        held = (self._copy / PATH).read_text()
        self.asked.append((held, tests))
        return {"noticed": self._said[held] is not None, "by": self._said[held] or "pytest ended with 0"}


@pytest.mark.fault("A22")
@pytest.mark.parametrize(
    ("changed", "unchanged", "noticed", "again"),
    [
        (None, None, False, None),
        (TESTS[1], None, True, [TESTS[1]]),
        (TESTS[1], TESTS[1], False, [TESTS[1]]),
        ("time", None, True, TESTS),
        ("time", "time", False, TESTS),
    ],
)
def test_what_fails_or_lasts_too_long_by_itself_notices_nothing(
    tmp_path: Path, changed: str | None, unchanged: str | None, noticed: bool, again: list[str] | None
) -> None:
    bench = Scripted(tmp_path, {AFTER: changed, BEFORE: unchanged})
    assert bench.attempt(MUTANT).noticed is noticed
    assert bench.asked == [(AFTER, TESTS)] + ([(BEFORE, again)] if again else [])
    assert (tmp_path / PATH).read_text() == BEFORE


def test_a_test_that_has_passed_unchanged_is_not_asked_again(tmp_path: Path) -> None:
    bench = Scripted(tmp_path, {AFTER: TESTS[0], BEFORE: None})
    assert bench.attempt(MUTANT).noticed
    assert bench.attempt(MUTANT).noticed
    assert len(bench.asked) == 3
