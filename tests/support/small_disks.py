"""Small disks in memory, which a test fills."""

from __future__ import annotations

import contextlib
import errno
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.servers import temporary_folder

_PIECE = bytes(64 * 1024)


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own."""

    folder: Path

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """No byte is left within the block."""
        filler = self.folder / "filler"
        with filler.open("wb", buffering=0) as file:
            for piece in (_PIECE, b"\0"):
                try:
                    while True:
                        file.write(piece)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
        try:
            yield
        finally:
            filler.unlink()


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[SmallDisk]:
    """A new one. The test is skipped where none can be mounted, as without the rights of root."""
    with temporary_folder("portico-disk-") as folder:
        options = f"size={megabytes}m,mode=700"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("no file system can be mounted here")
        try:
            yield SmallDisk(folder)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
