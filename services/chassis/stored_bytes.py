"""The count of the bytes that an organisation stores, and the lock under which its files come and go.

Both are one small file in the organisation's folder, so they hold for all processes. Whoever adds or deletes a file notes
it, and `BlobStore.recount` adds up what there is from time to time, because a process may end between the two.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.contracts.errors import Refused

_FILE = ".bytes"
_LENGTH = 42
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


class StoredBytes:
    """The count, while its lock is held: what the last recount has `found`, less what was noted until then, and `noted`.

    `found` is None before the first recount.
    """

    def __init__(self, found: int | None, noted: int) -> None:
        self.found = found
        self.noted = noted

    @property
    def total(self) -> int | None:
        """The bytes stored now. None before the first recount."""
        return None if self.found is None else self.found + self.noted

    def require_room(self, size: int, most_bytes: int) -> None:
        """Refuse what would not fit into the bytes that an organisation may store. Raises Refused(storage_full)."""
        if (self.total or 0) + size > most_bytes:
            raise storage_full(most_bytes)


@contextmanager
def counted(folder: Path) -> Iterator[StoredBytes]:
    """Hold the lock of an organisation's folder; what is noted meanwhile is written at the end, also after an exception.

    The lock is held for a moment only: other processes, and other threads of this one, wait for it without yielding.
    """
    descriptor = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        before = os.pread(descriptor, _LENGTH, 0)
        stored = _read(before) if before else _new(folder)
        try:
            yield stored
        finally:
            after = _written(stored)
            if after != before:
                os.pwrite(descriptor, after, 0)
    finally:
        os.close(descriptor)


def _written(stored: StoredBytes) -> bytes:
    """Always of the same length, so a full disk has room for it, too."""
    found = "-" if stored.found is None else stored.found
    return f"{found:>20} {stored.noted:>20}\n".encode()


def _new(folder: Path) -> StoredBytes:
    """The first count: nothing in a new folder, unknown in one of an earlier version."""
    is_empty = [path.name for path in folder.iterdir()] == [_FILE]
    return StoredBytes(0 if is_empty else None, 0)


def _read(text: bytes) -> StoredBytes:
    """The count. One that was cut off by a power failure knows nothing, and all is counted anew."""
    if len(text) != _LENGTH:
        return StoredBytes(None, 0)
    found, noted = text.decode("ascii").split()
    return StoredBytes(None if found == "-" else int(found), int(noted))


def storage_full(most_bytes: int) -> Refused:
    """What is answered to an upload for which an organisation has no room left."""
    return Refused(
        "storage_full",
        f"The files of your organisation may take {_readable(most_bytes)}, and this one does not fit any more."
        " Ask who runs the system for more room.",
        "file",
    )


def _readable(size: int) -> str:
    unit = 0
    while unit < len(_UNITS) - 1 and size >= 1024 ** (unit + 1):
        unit += 1
    return f"{size / 1024**unit:.4g} {_UNITS[unit]}"
