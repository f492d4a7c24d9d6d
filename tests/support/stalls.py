"""A test fails when a service that it ran has reported a stall of its event loop above 250 ms.

A test that starts a service names its log: `watch(log)`, or `watched(folder)` if the logs are deleted afterwards. Reports of
the services are read after each test, and count for that test. A test with known stalls gives the reason:
`@pytest.mark.stalls("reason")`.

On a machine with more to do than it has cores a wait in a call (a commit that waits for the disk, a lock whose holder has
no core) says more about the machine than about the service, and so does time in the kernel, which looks for free memory.
There only stalls count in which the loop's thread computed for 500 ms outside the kernel: a core that is shared computes
half as fast.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bars import is_overloaded

REPORTED = "event_loop_stalled"
MOST_MS = 250


class StallWatch:
    """pytest plugin: reads new lines of the watched logs, and fails the test that was running."""

    def __init__(self) -> None:
        self._logs: list[Path] = []
        self._read: dict[Path, int] = {}
        self._pending: list[str] = []

    def watch(self, log: Path) -> None:
        """Read this log, or all logs of this folder, from now on."""
        if log not in self._logs:
            self._logs.append(log)

    def unwatch(self, log: Path) -> None:
        """Read this log for the last time. Its stalls count for the test that is running or comes next."""
        self._pending += self._new_lines(log)
        self._logs.remove(log)

    def collect(self) -> list[str]:
        """The stalls reported since the last time, a sentence each."""
        found, self._pending = self._pending, []
        for log in self._logs:
            found += self._new_lines(log)
        return found

    def _new_lines(self, log: Path) -> list[str]:
        files = sorted(log.glob("*.log")) if log.is_dir() else [log]
        return [sentence for file in files if file.exists() for sentence in self._stalls_of(file)]

    def _stalls_of(self, file: Path) -> Iterator[str]:
        with file.open("rb") as log:
            log.seek(self._read.get(file, 0))
            written = log.read()
        complete = written[: written.rfind(b"\n") + 1]
        self._read[file] = self._read.get(file, 0) + len(complete)
        for line in complete.splitlines():
            if REPORTED.encode() in line:
                with contextlib.suppress(ValueError):
                    entry = json.loads(line)
                    if is_overloaded() and entry["user_ms"] < 2 * MOST_MS:
                        continue
                    yield f"{entry['service']} stood still for {entry['ms']} ms in {entry['where']}, computing {entry['user_ms']} ms"

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse a marker without a reason."""
        for item in items:
            for mark in item.iter_markers("stalls"):
                if len(mark.args) != 1 or not str(mark.args[0]).strip():
                    raise pytest.UsageError(f"{item.nodeid}: stalls(reason) needs its reason")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Check the stalls of the set-up and of the test."""
        yield
        self._judge(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """Check the stalls of the tear-down, or those after a failure."""
        yield
        self._judge(item)

    def _judge(self, item: pytest.Item) -> None:
        found = self.collect()
        if found and item.get_closest_marker("stalls") is None:
            pytest.fail("\n".join(["An event loop stood still:", *found]), pytrace=False)


_WATCH = StallWatch()


def plugin() -> StallWatch:
    """The plugin of this process."""
    return _WATCH


def watch(log: Path) -> None:
    """Read this log of a service."""
    _WATCH.watch(log)


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[None]:
    """Read the logs in this folder until the end of the block."""
    _WATCH.watch(folder)
    try:
        yield
    finally:
        _WATCH.unwatch(folder)
