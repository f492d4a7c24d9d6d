"""A lock that gives a folder one owner for as long as the owner lives."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


class FolderInUse(RuntimeError):
    """Another owner, in this process or another one, holds the folder."""


class FolderLock:
    """An exclusive lock on `folder`. Linux releases it when the owner dies, so it never goes stale."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "owner.lock"
        self._file: IO[str] | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file is not None

    def take(self) -> None:
        """Take the lock, unless this object already has it. Raises FolderInUse."""
        if self._file is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise FolderInUse(f"{self._path.parent} is in use by another program") from error
        self._file = file

    def give_back(self) -> None:
        """Release the lock if it is held."""
        if self._file is not None:
            self._file.close()
            self._file = None
