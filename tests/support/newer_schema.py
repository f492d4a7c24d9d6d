"""pytest plugin for the tests of the last release, in its own checkout: they work on databases that newer code has migrated.

`NEWER_CODE` is the checkout of the newer code, `ONE_TEST_IN` of how many tests one is tried. What a migration or a downgrade does to
the schema is no matter of old code, so those tests are left out. It imports nothing of the newer code.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zlib

import pytest

from services.chassis import migrate

_OF_THE_SCHEMA = re.compile(r"migrat|downgrade|schema|revision", re.IGNORECASE)
_upgrade = migrate.upgrade


def _upgrade_by_newer_code(service: str, url: str, revision: str = "head") -> None:
    if revision != "head":
        _upgrade(service, url, revision)
        return
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "services.chassis.migrate", "upgrade", service],
        cwd=os.environ["NEWER_CODE"],
        env={**os.environ, f"{service.upper()}_DATABASE_URL": url},
        check=True,
    )


def pytest_configure() -> None:
    """Have every database made by the newer code."""
    migrate.upgrade = _upgrade_by_newer_code


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests to try."""
    of = int(os.environ["ONE_TEST_IN"])
    kept = [
        item
        for item in items
        if not _OF_THE_SCHEMA.search(item.nodeid) and zlib.crc32(item.nodeid.encode()) % of == 0
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
