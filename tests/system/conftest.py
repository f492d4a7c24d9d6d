"""One running system for the tests that do not break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stack import RunningStack, running_stack


@pytest.fixture(scope="package")
def portico() -> Iterator[RunningStack]:
    """A running system with the sample directory. Tests share it: each makes its own queues, records and accounts."""
    # As behind a proxy on this machine, so that a test can set the address of a request.
    with running_stack(extra_env={"gateway": {"TRUSTED_PROXIES": "127.0.0.1"}}) as stack:
        stack.import_sample()
        yield stack
