"""Files of tests lie in memory where the machine has enough of it: most of the time of making a database is spent in the disk.

No test depends on a disk. A crash of the machine cannot be tested here, and a killed process leaves its files either way.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

IN_MEMORY = Path("/dev/shm")
LEAST_FREE = 3 * 10**9  # a run of all tests needs less than 1 GB


def use_for_files() -> None:
    """Make the folder for temporary files one in memory, unless TMPDIR names another."""
    if "TMPDIR" in os.environ or not os.access(IN_MEMORY, os.W_OK | os.X_OK):
        return
    if shutil.disk_usage(IN_MEMORY).free >= LEAST_FREE:
        os.environ["TMPDIR"] = tempfile.tempdir = str(IN_MEMORY)
