"""Tries mutants in a copy of the tree: each with the tests that run its lines, in a process of its own, within a time."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutants.areas import Area, digest_of, note_of
from tests.mutants.operators import Mutant

# Tests run slower beside other work; a mutant that waits for ever must end some time.
PATIENCE = 5
LEAST_S = 30
# Tests of one mutant, in seconds of their own time: the quick ones come first.
BUDGET_S = 40


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant. `by` is the test that noticed it, or why it ended."""

    noticed: bool
    by: str


@contextlib.contextmanager
def copy_of(root: Path, into: Path) -> Iterator[Path]:
    """A copy of what git knows or would take up, with the same environment. It is deleted afterwards."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root, check=True, capture_output=True
    )
    try:
        for name in listed.stdout.decode().split("\0"):
            if name and (root / name).is_file() and not (root / name).is_symlink():
                (into / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, into / name)
        (into / ".venv").symlink_to((root / ".venv").resolve())
        yield into
    finally:
        shutil.rmtree(into, ignore_errors=True)


class Traces:
    """Which tests run which lines. What was traced is kept as long as the test file stays the same.

    Of a source that has changed since, only the file is known, not the lines: all tests that use it may notice.
    """

    def __init__(self, area: Area, copy: Path, kept: Path) -> None:
        self._area = area
        self._copy = copy
        self._folder = kept / area.name
        self._folder.mkdir(parents=True, exist_ok=True)
        self._tests: dict[str, Any] = {}

    def _note(self, test_file: str) -> Path:
        return self._folder / note_of(self._copy / test_file)

    def read(self) -> None:
        """Run the tests that have changed since the last time, and read the lines of all."""
        missing = [test for test in self._area.tests if not self._note(test).exists()]
        if missing:
            environment = {
                "TRACED_SOURCES": ":".join(self._area.sources),
                "TRACED_INTO": str(self._folder),
                "PYTHONPATH": str(self._copy),
            }
            chosen = ["-k", f"not {self._area.skipped}"] if self._area.skipped else []
            subprocess.run(
                [sys.executable, "-m", "pytest", "-p", "tests.mutants.traced", "-q", *chosen, *missing],
                cwd=self._copy,
                env=os.environ | environment,
                stdout=subprocess.DEVNULL,
                check=False,  # a test that fails has no lines
            )
        now = {source: digest_of(self._copy / source) for source in self._area.sources}
        for test in self._area.tests:
            if not self._note(test).exists():
                continue  # it has long forms only, which are not run here
            note = json.loads(self._note(test).read_text())
            changed = {source for source, digest in now.items() if note["sources"].get(source) != digest}
            for name, found in note["tests"].items():
                found["unknown"] = changed & found["lines"].keys()
                self._tests[name] = found

    def tests_of(self, mutant: Mutant) -> tuple[list[str], float]:
        """The tests that run this mutant's lines, quick ones first, and the seconds that they take."""
        of_file = {
            test: set(found["lines"].get(mutant.path, ()))
            for test, found in self._tests.items()
            if mutant.path in found["lines"]
        }
        reached = [
            test
            for test, lines in of_file.items()
            if not lines.isdisjoint(mutant.reach) and mutant.path not in self._tests[test]["unknown"]
        ]
        chosen = sorted(reached, key=lambda test: self._tests[test]["s"])
        if not reached:
            # What runs at import belongs to no test: all that use the file may notice, those first that use most of it.
            users = {test for test in self._tests if test.partition("::")[0] in self._naming(mutant.path)}
            chosen = sorted(
                users | of_file.keys(),
                key=lambda test: (test not in users, -len(of_file.get(test, ())), self._tests[test]["s"]),
            )
        taken, seconds = [], 0.0
        for test in chosen:
            seconds += self._tests[test]["s"]
            if seconds > BUDGET_S and taken:
                break
            taken.append(test)
        whole = self._area.whole.get(mutant.path, [])
        seconds += sum(found["s"] for test, found in self._tests.items() if test.partition("::")[0] in whole)
        return [*taken, *whole], seconds

    def _naming(self, source: str) -> set[str]:
        """The unit tests that name this module."""
        module = source.removesuffix(".py").replace("/", ".")
        package, _, name = module.rpartition(".")
        named = re.compile(rf"\b{re.escape(module)}\b|from {re.escape(package)} import .*\b{name}\b")
        return {
            test
            for test in self._area.tests
            if test.startswith("tests/unit/") and named.search((self._copy / test).read_text())
        }


class Bench:
    """The copy that mutants are tried in, and the process that runs tests on it."""

    def __init__(self, copy: Path, traces: Traces) -> None:
        self._copy = copy
        self._traces = traces
        self._passed: set[str] = set()
        self._runner = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.mutants.runner"],
            cwd=copy,
            # Compiled modules are told apart by whole seconds; mutants come quicker than that.
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def attempt(self, mutant: Mutant) -> Outcome:
        """Run the mutant's tests until one fails."""
        tests, seconds = self._traces.tests_of(mutant)
        if not tests:
            return Outcome(False, "no test runs it")
        path = self._copy / mutant.path
        original = path.read_text()
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
        path.write_text(mutant.text)
        try:
            answer = self._ask(tests, LEAST_S + PATIENCE * seconds)
        finally:
            path.write_text(original)
        if answer["noticed"] and not self._passes_unchanged(answer, tests, LEAST_S + PATIENCE * seconds):
            return Outcome(False, f"fails without the change, too: {answer['by']}")
        return Outcome(answer["noticed"], answer["by"])

    def _passes_unchanged(self, answer: Any, tests: list[str], timeout_s: float) -> bool:
        """Whether what failed passes on the unchanged file. On a busy machine tests may last too long by themselves."""
        failed = [answer["by"]] if "::" in answer["by"] and "\n" not in answer["by"] else tests
        if self._passed.issuperset(failed):
            return True
        if not self._ask(failed, timeout_s)["noticed"]:
            self._passed |= set(failed)
            return True
        return False

    def _ask(self, tests: list[str], timeout_s: float) -> Any:
        assert self._runner.stdin
        assert self._runner.stdout
        self._runner.stdin.write(json.dumps({"tests": tests, "timeout_s": timeout_s}) + "\n")
        self._runner.stdin.flush()
        return json.loads(self._runner.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._runner.kill()
        self._runner.wait()
