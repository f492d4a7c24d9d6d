"""Which operation refused with which code, over the whole run: nothing undeclared is answered, nothing is declared in vain.

An operation that answers with a code that its declaration does not list fails the test at once. When the whole suite has
run, its summary names each declared code that no test was given.
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
# What no test can bring about, with the reason. Keep it short.
NOT_PROVOKED: Mapping[tuple[str, str], str] = {}


class Undeclared(AssertionError):
    """An operation refused with a code that its declaration does not list."""


def note(operation: Operation, code: str) -> None:
    """Remember a refusal. Raises Undeclared."""
    GIVEN.add((operation.address, code))
    if code not in operation.codes:
        raise Undeclared(f"{operation.address} answers {code}: declare it among its errors")


def note_logs(lines: Iterable[str]) -> None:
    """Remember what whole processes have refused, as their log tells. Raises Undeclared."""
    declared = {operation.address: operation for operation in all_operations(CONTRACTS)}
    for line in lines:
        if '"served"' not in line:
            continue
        entry = json.loads(line)
        # An outcome that is no code is a message that could not be read.
        if entry.get("event") == "served" and entry["outcome"] in CODES and entry["operation"] in declared:
            note(declared[entry["operation"]], entry["outcome"])


def never_given(given: Iterable[tuple[str, str]]) -> list[str]:
    """Declared codes that nobody was given, one sentence each; and reasons that are not needed any more."""
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
    """pytest plugin: brings together what all test processes were refused, and names what is missing after the whole suite."""

    def __init__(self) -> None:
        self.missing: list[str] = []

    def pytest_testnodedown(self, node: object) -> None:
        """Take over what another test process has seen."""
        GIVEN.update(map(tuple, getattr(node, "workeroutput", {}).get("refusals", ())))  # type: ignore[arg-type]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand over what this process has seen, or look for what is missing."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["refusals"] = sorted(GIVEN)
            return
        if exitstatus == pytest.ExitCode.OK and is_whole_suite(session.config):
            self.missing = never_given(GIVEN)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what is missing."""
        if self.missing:
            terminalreporter.section("declared errors that no test was given")
            for line in self.missing:
                terminalreporter.write_line(line)
