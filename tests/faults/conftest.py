"""One running system for the tests that load it heavily and kill parts of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stack import RunningStack, running_stack


@pytest.fixture(scope="package")
def sturdy() -> Iterator[RunningStack]:
    """A running system on SQLite with the sample directory. A test that kills a part waits until it is back."""
    with running_stack() as running:
        running.import_sample()
        yield running
