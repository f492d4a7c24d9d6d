"""How tests use memory: their files lie in it, and Python's collector leaves alone what lives as long as the process.

Most of the time of making a database is spent in the disk. No test depends on one: a crash of the machine cannot be tested
here, and a killed process leaves its files either way.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest

IN_MEMORY = Path("/dev/shm")
LEAST_FREE = 3 * 10**9  # a run of all tests needs less than 1 GB


def use_for_files() -> None:
    """Make the folder for temporary files one in memory, unless TMPDIR names another."""
    if "TMPDIR" in os.environ or not os.access(IN_MEMORY, os.W_OK | os.X_OK):
        return
    if shutil.disk_usage(IN_MEMORY).free >= LEAST_FREE:
        os.environ["TMPDIR"] = tempfile.tempdir = str(IN_MEMORY)


class CollectedRarely:
    """pytest plugin: modules and tests, a million objects, are not searched for garbage again and again."""

    def pytest_configure(self) -> None:
        """Do not search while modules are imported."""
        gc.disable()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Leave all objects of now alone, and search the later ones less often."""
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()
