"""A requirement counts as proved only by tests that have passed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import seeds

CHECKOUT = Path(__file__).resolve().parents[2]
COUNTS = {"S0": 54, "S1": 41, "S2": 141, "S3": 46, "S4": 22, "C": 8}


def a_session(*tests: tuple[str, tuple[str, ...]]) -> Any:
    """A session that has collected these tests: (node id, rows)."""
    items = [
        SimpleNamespace(
            nodeid=test,
            user_properties=[("seed", row) for row in rows],
            iter_markers=lambda _name, rows=rows: [SimpleNamespace(args=rows)],
        )
        for test, rows in tests
    ]
    return SimpleNamespace(items=items)


def ran(plugin: seeds.SeedResults, test: str, rows: tuple[str, ...], **outcomes: str) -> None:
    """Report the phases of a test."""
    for when, outcome in outcomes.items():
        report = SimpleNamespace(
            nodeid=test,
            when=when,
            outcome=outcome,
            passed=outcome == "passed",
            user_properties=[("seed", row) for row in rows],
        )
        plugin.pytest_runtest_logreport(report)  # type: ignore[arg-type]


def test_every_row_is_listed_once():
    numbers = list(seeds.rows())

    for seed, count in COUNTS.items():
        dash = "" if seed == "C" else "-"
        assert [number for number in numbers if number.startswith(f"{seed}{dash}")] == [
            f"{seed}{dash}{number}" for number in range(1, count + 1)
        ]
    assert all(0 < len(title.split()) <= 8 for title in seeds.rows().values())


def test_a_row_whose_test_has_passed_is_proved():
    plugin = seeds.SeedResults()
    plugin.pytest_collection_finish(a_session(("t1", ("S0-1", "S0-2"))))
    ran(plugin, "t1", ("S0-1", "S0-2"), setup="passed", call="passed", teardown="passed")

    text = seeds.report(plugin.outcomes)

    assert "S0: 2 of 54 proved" in text
    assert "2 of 304 rows and 0 of 8 decisions proved" in text
    assert not re.search(r"(?m)^  S0-[12] ", text)


@pytest.mark.parametrize(
    "phases",
    [
        {"setup": "failed"},
        {"setup": "skipped"},
        {"setup": "passed", "call": "failed", "teardown": "passed"},
        {"setup": "passed", "call": "passed", "teardown": "failed"},
        {"setup": "passed", "call": "skipped"},
    ],
)
def test_a_row_whose_test_has_not_passed_is_not_proved(phases: dict[str, str]):
    plugin = seeds.SeedResults()
    plugin.pytest_collection_finish(a_session(("t1", ("S0-1",))))
    ran(plugin, "t1", ("S0-1",), **phases)

    assert "0 of 304 rows" in seeds.report(plugin.outcomes)


def test_one_failed_test_takes_the_proof_away():
    outcomes = {"S0-1": {"t1": "passed", "t2": "failed"}, "C7": {"t3": "passed"}}

    text = seeds.report(outcomes)

    assert re.search(r"(?m)^  S0-1 .*\(failed: t2\)$", text)
    assert "0 of 304 rows and 1 of 8 decisions proved" in text


@pytest.mark.parametrize("rows", [("S0-55",), ("F17",), ("S0-1", "S9-1"), ()])
def test_a_marker_that_names_no_row_is_an_error(rows: tuple[str, ...]):
    with pytest.raises(pytest.UsageError, match="no such row"):
        seeds.SeedResults().pytest_collection_modifyitems(a_session(("t1", rows)).items)


@pytest.mark.parametrize(
    ("arguments", "option", "is_whole"),
    [
        (["tests"], {}, True),
        (["tests/unit"], {}, False),
        (["tests"], {"keyword": "beds"}, False),
        (["tests"], {"markexpr": "full"}, False),
        (["tests"], {"collectonly": True}, False),
    ],
)
def test_only_a_run_of_everything_is_kept(arguments: list[str], option: dict[str, Any], is_whole: bool):
    plain = {"keyword": "", "markexpr": "not full", "lf": False, "collectonly": False, "deselect": None}
    config = SimpleNamespace(
        args=arguments,
        invocation_params=SimpleNamespace(dir=CHECKOUT),
        option=SimpleNamespace(**plain | option),
    )

    assert seeds.is_whole_suite(config) == is_whole  # type: ignore[arg-type]


def test_what_the_markers_of_a_folder_promise_is_told():
    done = subprocess.run(
        [sys.executable, "-m", "tests.seeds", "--collect-only", "tests/unit/referrals"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(
        r"^[1-9][0-9]* of 304 rows and [0-9] of 8 decisions with a test$", done.stdout, re.MULTILINE
    )
