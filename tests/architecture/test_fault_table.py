"""The table of faults: each row has its bar, and says what became of its long form in this run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fault_table import LONG_FORMS, FaultResults, rows, summary, table


def an_item(test: str, *faults: str, is_long: bool = True) -> Any:
    """A collected test that names these rows."""
    return SimpleNamespace(
        nodeid=test,
        user_properties=[],
        iter_markers=lambda _name: [SimpleNamespace(args=faults)],
        get_closest_marker=lambda _name: SimpleNamespace() if is_long else None,
    )


def ran(results: FaultResults, item: Any, outcome: str, said: str = "", when: str = "call") -> None:
    """Report a phase of a test."""
    results.pytest_runtest_logreport(
        SimpleNamespace(  # type: ignore[arg-type]
            nodeid=item.nodeid,
            when=when,
            outcome=outcome,
            passed=outcome == "passed",
            capstdout=said,
            user_properties=item.user_properties,
        )
    )


def row_of(results: FaultResults, number: str) -> list[str]:
    """The cells of a row."""
    [line] = [line for line in table(results).splitlines() if line.startswith(f"| {number} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_row_of_faults_and_abuse_is_listed_with_its_bar() -> None:
    known = rows()
    assert list(known) == [
        *(f"F{number}" for number in range(1, 27)),
        *(f"A{number}" for number in range(1, 29)),
    ]
    assert all(row.fault and row.bar for row in known.values())


def test_a_row_tells_its_bar_the_worst_result_and_the_figures() -> None:
    results, item, other = FaultResults(), an_item("t1", "F3", "F4"), an_item("t2", "F3")
    results.pytest_collection_modifyitems([item, other])
    assert row_of(results, "F3")[3] == "not run, 0 of 2"
    ran(results, item, "passed", "F3 8 s: lost 0\nF33: no\nF3: a|b\nelse\n")
    assert row_of(results, "F3")[3] == "not run, 1 of 2"
    ran(results, other, "skipped", when="setup")
    assert row_of(results, "F3")[3] == "skipped, 1 of 2"
    ran(results, other, "passed")
    ran(results, item, "passed", when="teardown")
    assert row_of(results, "F3") == ["F3", *rows()["F3"], "passed, 2 of 2", "F3 8 s: lost 0<br>F3: a/b"]
    ran(results, other, "failed", when="teardown")
    assert row_of(results, "F3")[3] == "failed, 1 of 2"
    assert row_of(results, "F4")[3:] == ["passed, 1 of 1", ""]


def test_what_has_no_long_form_is_listed() -> None:
    results = FaultResults()
    items = [an_item("t1", "F1"), an_item("t2", "F1", "F2", is_long=False)]
    results.pytest_collection_modifyitems(items)
    ran(results, items[1], "passed", "F2: fine")
    assert row_of(results, "F1")[3] == "not run, 0 of 1"
    assert row_of(results, "F2")[3:] == ["everyday form only", ""]
    assert row_of(results, "A1")[3:] == ["no test", ""]
    first, second, third = summary(results)
    assert first == "1 of 54 rows have a long form."
    assert second == "Everyday form only (`make test`): F2."
    assert "F2" not in third.split()
    assert {"F3", "A28."} <= set(third.split())


@pytest.mark.parametrize("faults", [("F0",), ("F1", "A29"), ()])
def test_a_marker_that_names_no_row_is_refused(faults: tuple[str, ...]) -> None:
    with pytest.raises(pytest.UsageError, match="t1: no such fault"):
        FaultResults().pytest_collection_modifyitems([an_item("t1", *faults)])


@pytest.mark.parametrize(
    ("markexpr", "collects_only", "has_file"),
    [(LONG_FORMS, False, True), ("not full", False, False), (LONG_FORMS, True, False)],
)
def test_a_run_of_the_long_forms_keeps_its_table(
    tmp_path: Path, markexpr: str, collects_only: bool, has_file: bool
) -> None:
    said: list[str] = []
    terminal: Any = SimpleNamespace(section=said.append, write_line=said.append)
    config: Any = SimpleNamespace(option=SimpleNamespace(markexpr=markexpr, collectonly=collects_only))
    kept = tmp_path / ".cache" / "faults.md"
    FaultResults(kept).pytest_terminal_summary(terminal, config)
    FaultResults().pytest_terminal_summary(terminal, config)
    assert kept.exists() == has_file
    assert len(said) == (2 if has_file else 0)
    if has_file:
        assert kept.read_text("utf-8") == f"{table(FaultResults())}\n"
