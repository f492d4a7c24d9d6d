"""pytest plugin: which lines of the sources each test runs, and how long it takes.

    TRACED_SOURCES=gateway/auth.py:gateway/cookies.py TRACED_INTO=folder pytest -p tests.mutants.traced tests/…

Each test file leaves one in the folder as soon as it is done: the digests of the sources, and
test → {"s": seconds, "lines": {source: [lines]}}. A test that failed has no entry.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.mutants.areas import digest_of, note_of

ROOT = Path.cwd()
SOURCES = os.environ["TRACED_SOURCES"].split(":")
INTO = Path(os.environ["TRACED_INTO"])

# Under PYTHONPATH and `-p` this module is imported before the sources, so their import is traced, too.
_coverage = coverage.Coverage(
    data_file=None,
    config_file=False,
    include=[str(ROOT / source) for source in SOURCES],
    concurrency=["thread", "greenlet"],
)
_coverage.start()
_seconds: dict[str, float] = {}
_failed: set[str] = set()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """The lines of fixtures count for the test that needs them first."""
    _coverage.switch_context(item.nodeid)
    result = yield
    _coverage.switch_context("")
    if nextitem is None or nextitem.nodeid.partition("::")[0] != item.nodeid.partition("::")[0]:
        _write(item.nodeid.partition("::")[0])
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Sum the durations of setup, call and teardown."""
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if report.failed or report.skipped:
        _failed.add(report.nodeid)


def _write(test_file: str) -> None:
    data = _coverage.get_data()
    tests: dict[str, Any] = {
        test: {"s": round(seconds, 3), "lines": {}}
        for test, seconds in _seconds.items()
        if test.startswith(f"{test_file}::") and test not in _failed
    }
    for source in SOURCES:
        for line, contexts in data.contexts_by_lineno(str(ROOT / source)).items():
            for test in set(contexts) & set(tests):
                tests[test]["lines"].setdefault(source, []).append(line)
    sources = {source: digest_of(ROOT / source) for source in SOURCES}
    (INTO / note_of(ROOT / test_file)).write_text(json.dumps({"sources": sources, "tests": tests}))
