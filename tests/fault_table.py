"""The table that `make faults` writes: for each fault and abuse what has to hold, and what became of it in this run.

A test names its rows: `@pytest.mark.fault("F3")`; their ids and bars are in `fault_rows.txt`. The long form of a row is a test that is
also marked `full`. What such a test prints about its row (`F3 8 s: attempted …`) is the figure in the table. The last table is in
`.cache/faults.md`.

    python -m tests.fault_table        which rows have a long form, an everyday form only, or none; runs nothing
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).resolve().parent
ROWS = TESTS / "fault_rows.txt"
TABLE = TESTS.parent / ".cache" / "faults.md"
LONG_FORMS = "full"  # the marker expression of `make faults`
_IS_LONG, _ROW = "fault-is-long", "fault"


class Row(NamedTuple):
    """What happens, and what has to hold then."""

    fault: str
    bar: str


def rows() -> dict[str, Row]:
    """The rows by their ids, in order."""
    lines = [line for line in ROWS.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    parts = [line.split(" | ") for line in lines]
    return {number: Row(fault, bar) for number, fault, bar in parts}


@dataclass
class Form:
    """The tests of a row in one form: what became of each, and the figures that they printed."""

    outcomes: dict[str, str] = field(default_factory=dict)
    figures: list[str] = field(default_factory=list)

    @property
    def result(self) -> str:
        """One word for all tests: the worst that happened."""
        seen = set(self.outcomes.values())
        return next((word for word in ("failed", "skipped", "not run", "passed") if word in seen), "none")


class FaultResults:
    """pytest plugin: what became of the tests that name a fault. `table` is where a run of the long forms is kept."""

    def __init__(self, table: Path | None = None) -> None:
        self.long: dict[str, Form] = defaultdict(Form)
        self.everyday: dict[str, Form] = defaultdict(Form)
        self._table = table

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse markers that name no known row; note all tests of a row, also those that this run leaves out."""
        known = rows()
        for item in items:
            is_long = item.get_closest_marker("full") is not None
            for mark in item.iter_markers("fault"):
                unknown = [number for number in mark.args if number not in known]
                if unknown or not mark.args:
                    raise pytest.UsageError(f"{item.nodeid}: no such fault: {unknown}")
                for number in mark.args:
                    item.user_properties.append((_ROW, number))
                    (self.long if is_long else self.everyday)[number].outcomes[item.nodeid] = "not run"
            item.user_properties += [(_IS_LONG, True)] if is_long else []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of a test, and what it printed about its rows."""
        forms = self.long if (_IS_LONG, True) in report.user_properties else self.everyday
        for number in [str(value) for name, value in report.user_properties if name == _ROW]:
            form = forms[number]
            if report.when == "call" or not report.passed:
                form.outcomes[report.nodeid] = report.outcome
            if report.when == "call":
                said = report.capstdout.splitlines()
                form.figures += [line for line in said if line.startswith((f"{number} ", f"{number}:"))]

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        """Print and keep the table of a run of the long forms."""
        if self._table is None or config.option.markexpr != LONG_FORMS or config.option.collectonly:
            return
        text = table(self)
        self._table.parent.mkdir(exist_ok=True)
        self._table.write_text(text + "\n", "utf-8")
        terminalreporter.section("bar against result")
        terminalreporter.write_line(text)


def table(results: FaultResults) -> str:
    """The table, in Markdown, and the rows without a long form below it."""
    known = rows()
    lines = ["| Row | Fault | Bar | Result | Figures |", "|---|---|---|---|---|"]
    for number, row in known.items():
        long = results.long.get(number, Form())
        passed = list(long.outcomes.values()).count("passed")
        told = (
            f"{long.result}, {passed} of {len(long.outcomes)}" if long.outcomes else _without(number, results)
        )
        cells = [number, row.fault, row.bar, told, "<br>".join(_cell(line) for line in long.figures)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *summary(results)])


def summary(results: FaultResults) -> list[str]:
    """How many rows have which form, and the rows without a long one."""
    known = rows()
    without = [number for number in known if number not in results.long]
    everyday = [number for number in without if number in results.everyday]
    none = [number for number in without if number not in results.everyday]
    return [
        f"{len(known) - len(without)} of {len(known)} rows have a long form.",
        f"Everyday form only (`make test`): {' '.join(everyday) or 'none'}.",
        f"No test: {' '.join(none) or 'none'}.",
    ]


def _without(number: str, results: FaultResults) -> str:
    return "everyday form only" if number in results.everyday else "no test"


def _cell(line: str) -> str:
    return line.replace("|", "/")


def main() -> int:
    """Print which rows have which form."""
    results = FaultResults()
    with contextlib.redirect_stdout(io.StringIO()):
        code = pytest.main(["--collect-only", "-qq", "-m", "full or not full", str(TESTS)], [results])
    print("\n".join(summary(results)))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
