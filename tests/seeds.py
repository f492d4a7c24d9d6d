"""`python -m tests.seeds`: the rows of the requirements that a passing test proves, and those without one.

A test names the rows it proves: `@pytest.mark.seed("S0-12", "S0-13")`. A row counts as proved when at least one of its
tests has passed and none has failed. Results are those of the last run of the whole suite (`.cache/seeds.json`).

    --collect-only [FOLDER]   what the markers promise, without running anything
    --run                     run the marked tests now
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ROWS = TESTS / "requirements_rows.txt"
RESULTS = TESTS.parent / ".cache" / "seeds.json"
DECISION = "C"
EVERYDAY = "not full"  # the marker expression of an ordinary run, as in pyproject.toml

Outcomes = Mapping[str, Mapping[str, str]]
"""Row id → test → `passed`, `failed`, `skipped`, or `collected` where nothing was run."""


def rows() -> dict[str, str]:
    """Row ids and what they are about, in order."""
    lines = [line for line in ROWS.read_text().splitlines() if line and not line.startswith("#")]
    return {number: title for number, _, title in (line.partition(" ") for line in lines)}


class SeedResults:
    """pytest plugin: what became of the tests that name a row. `record` is where a run of the whole suite is kept."""

    def __init__(self, record: Path | None = None) -> None:
        self.outcomes: dict[str, dict[str, str]] = defaultdict(dict)
        self._record = record

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse markers that name no known row: nobody would notice that they prove nothing.

        The rows go with a test's reports, because it may run in another process than this one.
        """
        known = rows()
        for item in items:
            for mark in item.iter_markers("seed"):
                unknown = [number for number in mark.args if number not in known]
                if unknown or not mark.args:
                    raise pytest.UsageError(f"{item.nodeid}: no such row of the requirements: {unknown}")
                item.user_properties += [("seed", number) for number in mark.args]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which rows the chosen tests name."""
        for item in session.items:
            for number in _rows_of(item):
                self.outcomes[number][item.nodeid] = "collected"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of a test: it has passed when its body has, and neither its set-up nor its end has failed."""
        for number in _rows_of(report):
            if report.when == "call" or not report.passed:
                self.outcomes[number][report.nodeid] = report.outcome

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Keep the results when the whole suite has run to its end."""
        if self._record is None or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        if session.shouldstop or session.shouldfail or not is_whole_suite(session.config):
            return
        self._record.parent.mkdir(exist_ok=True)
        self._record.write_text(json.dumps(self.outcomes, indent=1, sort_keys=True) + "\n")


def _rows_of(test: pytest.Item | pytest.TestReport) -> list[str]:
    return [str(value) for name, value in test.user_properties if name == "seed"]


def is_whole_suite(config: pytest.Config) -> bool:
    """Whether this run was asked for all everyday tests."""
    asked = [Path(config.invocation_params.dir, argument).resolve() for argument in config.args]
    option = config.option
    narrowed = option.keyword or getattr(option, "lf", False) or option.collectonly or option.deselect
    return asked == [TESTS] and option.markexpr == EVERYDAY and not narrowed


def is_proved(outcomes: Mapping[str, str]) -> bool:
    """Whether these tests prove their row: one has passed, none has failed. Collected ones count as a promise."""
    return bool({"passed", "collected"} & set(outcomes.values())) and "failed" not in outcomes.values()


def report(outcomes: Outcomes, word: str = "proved") -> str:
    """Rows without a passing test, by seed, and a line that counts. `word` says what those that count are."""
    known = rows()
    missing = [number for number in known if not is_proved(outcomes.get(number, {}))]
    lines = []
    for seed in dict.fromkeys(map(_seed, known)):
        left = [number for number in missing if _seed(number) == seed]
        of = sum(_seed(number) == seed for number in known)
        lines.append(f"{seed}: {of - len(left)} of {of} {word}")
        lines += [f"  {number:7} {known[number]}{_failed(outcomes.get(number, {}))}" for number in left]
    proved = [number for number in known if number not in missing]
    decided = sum(_seed(number) == DECISION for number in proved)
    decisions = sum(_seed(number) == DECISION for number in known)
    lines.append(
        f"{len(proved) - decided} of {len(known) - decisions} rows and {decided} of {decisions} decisions {word}"
    )
    return "\n".join(lines)


def _seed(number: str) -> str:
    return number.partition("-")[0] if "-" in number else DECISION


def _failed(outcomes: Mapping[str, str]) -> str:
    failed = [test for test, outcome in outcomes.items() if outcome == "failed"]
    return f"  (failed: {', '.join(failed)})" if failed else ""


def collect(folder: Path = TESTS) -> Outcomes:
    """What the markers promise. Exits with pytest's words when the tests cannot be collected."""
    plugin, said = SeedResults(), io.StringIO()
    with contextlib.redirect_stdout(said):
        # Nothing is asserted, and to prepare asserts takes half of the time.
        status = pytest.main(["--collect-only", "-q", "--assert=plain", str(folder)], plugins=[plugin])
    if status != pytest.ExitCode.OK:
        sys.exit(said.getvalue()[-4000:])
    return plugin.outcomes


def run() -> Outcomes:
    """Run the tests that name rows."""
    plugin = SeedResults()
    status = pytest.main(["-q", "-m", f"seed and {EVERYDAY}", str(TESTS)], plugins=[plugin])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        sys.exit(int(status))
    return plugin.outcomes


def main(arguments: list[str]) -> int:
    """Print the report; 2 for an argument that is not known."""
    if arguments == ["--run"]:
        print(report(run()))
    elif arguments[:1] == ["--collect-only"] and len(arguments) <= 2:
        print(report(collect(*map(Path, arguments[1:])), "with a test"))
    elif arguments:
        print(__doc__)
        return 2
    elif RESULTS.exists():
        print(report(json.loads(RESULTS.read_text())))
    else:
        print(
            "The whole suite has not run here yet, so nothing is proved. These are the rows that have no test:"
        )
        print(report(collect(), "with a test"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
