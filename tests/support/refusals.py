"""Which operation refused with which code, over the whole run: no undeclared code is answered, each declared one is.

A test fails at once if an operation answers with a code that its declaration does not list. When the whole suite has run,
its summary names each declared code that no test has seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import pytest

from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Operation, all_operations
from services.contracts.errors import CODES
from tests.seeds import is_whole_suite

GIVEN: set[tuple[str, str]] = set()
# Codes that no test can bring about, with the reason. Keep the list short.
NOT_PROVOKED: Mapping[tuple[str, str], str] = {}


class Undeclared(AssertionError):
    """An operation refused with a code that its declaration does not list."""


def note(operation: Operation, code: str) -> None:
    """Remember a refusal. Raises Undeclared."""
    GIVEN.add((operation.address, code))
    if code not in operation.codes:
        raise Undeclared(f"{operation.address} answers {code}: declare it among its errors")


def note_logs(lines: Iterable[str]) -> None:
    """Remember the refusals in the log of a service process. Raises Undeclared."""
    declared = {operation.address: operation for operation in all_operations(CONTRACTS)}
    for line in lines:
        if '"served"' not in line:
            continue
        entry = json.loads(line)
        # An outcome that is not a code belongs to a message that could not be read.
        if entry.get("event") == "served" and entry["outcome"] in CODES and entry["operation"] in declared:
            note(declared[entry["operation"]], entry["outcome"])


def never_given(given: Iterable[tuple[str, str]]) -> list[str]:
    """Declared codes that no test has seen, and reasons that are no longer needed: one sentence each."""
    seen = set(given)
    declared = {(each.address, code) for each in all_operations(CONTRACTS) for code in each.errors}
    return [
        f"{address} declares {code}, and no test was answered so: test it, or take it out of the declaration"
        for address, code in sorted(declared - seen - set(NOT_PROVOKED))
    ] + [
        f"{address}, {code}: it is declared no more or a test provokes it: take it out of NOT_PROVOKED"
        for address, code in sorted(set(NOT_PROVOKED) - (declared - seen))
    ]


class RefusalResults:
    """pytest plugin: collects the refusals of all test processes, and names what is missing after the whole suite."""

    def __init__(self) -> None:
        self.missing: list[str] = []

    def pytest_testnodedown(self, node: object) -> None:
        """Add the refusals of another test process."""
        GIVEN.update(map(tuple, getattr(node, "workeroutput", {}).get("refusals", ())))  # type: ignore[arg-type]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand the refusals of this process on, or look for what is missing."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["refusals"] = sorted(GIVEN)
            return
        if exitstatus == pytest.ExitCode.OK and is_whole_suite(session.config):
            self.missing = never_given(GIVEN)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what is missing."""
        if self.missing:
            terminalreporter.section("declared errors that no test was given")
            for line in self.missing:
                terminalreporter.write_line(line)
