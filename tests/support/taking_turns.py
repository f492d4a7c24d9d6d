"""How tests share the machine when several workers run them: `pytest -n auto`.

The tests of a file stay together, and so do those that share a running system. Slow files come first, so that no worker
is left with one of them at the end. A test marked `alone` measures time: no other test runs beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# The tests of these files share the running system, so that only one worker starts it. Those that kill its parts come last.
RUNNING_SYSTEM = (
    re.compile(r"tests/system/(?!test_local_stack)"),
    re.compile(
        r"tests/faults/test_(abuse_(authorisation|canaries|from_other_sites|invented|over_http|sql_injection)|capacity_claims|"
        r"crash_and_outage|idempotency|soak)\.py"
    ),
)
SLOW_FIRST = (*RUNNING_SYSTEM, *map(re.compile, ("tests/faults/", "tests/system/", "tests/integration/")))


def shares_the_running_system(nodeid: str) -> bool:
    """Whether the test is in a file whose tests share the running system."""
    return any(files.match(nodeid) for files in RUNNING_SYSTEM)


class ByFile(LoadScopeScheduling):
    """Gives a worker a whole file, or all files that share the running system."""

    def _split_scope(self, nodeid: str) -> str:
        return "the running system" if shares_the_running_system(nodeid) else nodeid.partition("::")[0]


class TakingTurns:
    """pytest plugin: order of files, division among workers, and tests that run alone."""

    def __init__(self, config: pytest.Config) -> None:
        """`config` is that of a worker, or of the process that starts the workers."""
        self._workerinput = getattr(config, "workerinput", None)
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Divide the files among the workers. pytest-xdist calls this in the process that starts them."""
        return ByFile(config, log)

    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker which folder the workers share."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="portico-shared-")
        node.workerinput["shared"] = self._folder.name

    def pytest_unconfigure(self) -> None:
        """Delete the folder when all workers have ended."""
        if self._folder is not None:
            self._folder.cleanup()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put slow files first. The order within a file stays."""
        items.sort(key=_place)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        """Wait for the test's turn before its time-out begins to count."""
        with contextlib.nullcontext() if _is_alone(item) else self._turn(alone=False):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[Any]:
        """Run the set-up beside other tests, also if the test itself runs alone."""
        with self._turn(alone=False) if _is_alone(item) else contextlib.nullcontext():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[Any]:
        """Run the body of a test that measures time without other tests beside it."""
        with self._turn(alone=True) if _is_alone(item) else contextlib.nullcontext():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[Any]:
        """Run the tear-down beside other tests, as the set-up."""
        with self._turn(alone=False) if _is_alone(item) else contextlib.nullcontext():
            return (yield)

    @contextlib.contextmanager
    def _turn(self, *, alone: bool) -> Iterator[None]:
        if self._workerinput is None:
            yield
            return
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        folder = Path(self._workerinput["shared"])
        with (folder / "machine").open("w") as machine:
            # A test that has to be alone lets no other test begin while the running ones finish, or it might wait for ever.
            with (folder / "door").open("w") as door:
                fcntl.flock(door, kind)
                fcntl.flock(machine, kind)
            yield


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


def _place(item: pytest.Item) -> int:
    return next(
        (place for place, files in enumerate(SLOW_FIRST) if files.match(item.nodeid)), len(SLOW_FIRST)
    )
