"""Documents lie in a content-addressed store; messages through the broker carry only their SHA-256.

Each organisation has a store of its own, so a hash of another organisation's document opens nothing. Documents that are
made only for one download lie in a separate, passing part and are deleted after some time. A kept copy of the same bytes
stays.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from services.contracts.errors import Refused

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ORGANISATION = re.compile(r"[0-9a-f]{32}")
# The passing parts: documents that are downloaded at once, and exports that are downloaded later.
PASSING, EXPORTS = "passing", "exports"


LEAST_FREE_BYTES = 10 * 1024 * 1024
ROOM_AFTER_S = 60
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def has_room(folder: str | Path) -> bool:
    """Whether files can still be written in this folder: neither space nor file entries have run out."""
    try:
        system = os.statvfs(folder)
    except FileNotFoundError:
        return True  # it is made with the first file
    has_entries = (
        system.f_files == 0 or system.f_favail > 0
    )  # some file systems have no fixed number of entries
    return system.f_bavail * system.f_frsize >= LEAST_FREE_BYTES and has_entries


def no_room() -> Refused:
    """What is answered when a file cannot be written because the disk is full."""
    return Refused(
        "service_unavailable", "There is no room for files at the moment.", retry_after_s=ROOM_AFTER_S
    )


class BlobStore:
    """A folder of immutable files, named by organisation and SHA-256."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def put(self, organisation_id: str, chunks: Iterable[bytes], most_bytes: int) -> tuple[str, int]:
        """Store the content of the chunks durably; returns (SHA-256, size).

        Raises Refused(request_too_large) beyond `most_bytes`, Refused(service_unavailable) on a full disk, and stores nothing.
        """
        return self._store(self._folder_of(organisation_id), chunks, most_bytes)

    def put_passing(
        self, organisation_id: str, chunks: Iterable[bytes], most_bytes: int, part: str = PASSING
    ) -> tuple[str, int]:
        """As `put`, but in a passing part. `find` finds the document until `sweep_passing` deletes it."""
        return self._store(self._folder_of(organisation_id) / part, chunks, most_bytes)

    def find(self, organisation_id: str, sha256: str) -> Path:
        """The path of a document, kept or passing. Raises Refused(not_found)."""
        kept, own = self.path(organisation_id, sha256), self._folder_of(organisation_id)
        for path in (kept, *(own / part / sha256[:2] / sha256 for part in (PASSING, EXPORTS))):
            if path.is_file():
                return path
        raise Refused("not_found", "The document is not in the store.")

    def sweep_passing(self, older_than_s: float, part: str = PASSING) -> int:
        """Delete files that were put into a passing part longer ago than this; returns how many."""
        before, swept = time.time() - older_than_s, 0
        for path in self.folder.glob(f"*/{part}/**/*"):
            with suppress(FileNotFoundError):  # another process has deleted it
                if path.is_file() and path.stat().st_mtime < before:
                    path.unlink()
                    swept += 1
        return swept

    def _store(self, folder: Path, chunks: Iterable[bytes], most_bytes: int) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".incoming-{secrets.token_hex(8)}"
        try:
            with temporary.open("xb") as file:
                for chunk in chunks:
                    size += len(chunk)
                    if size > most_bytes:
                        raise Refused("request_too_large", f"At most {most_bytes} bytes are accepted.")
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            path = folder / digest.hexdigest()[:2] / digest.hexdigest()
            path.parent.mkdir(exist_ok=True)
            temporary.replace(path)
            _sync(path.parent)
        except OSError as error:
            if error.errno in _FULL:
                raise no_room() from error
            raise
        finally:
            temporary.unlink(missing_ok=True)
        return digest.hexdigest(), size

    def read(self, organisation_id: str, sha256: str) -> bytes:
        """The bytes of a document. Raises Refused(not_found), OSError if the file no longer matches its hash."""
        try:
            content = self.path(organisation_id, sha256).read_bytes()
        except FileNotFoundError:
            raise Refused("not_found", "The document is not in the store.") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise OSError("a stored document has changed")
        return content

    def path(self, organisation_id: str, sha256: str) -> Path:
        """The path of a kept document, which may not exist."""
        if not _SHA256.fullmatch(sha256):
            raise Refused("not_found", "The document is not in the store.")
        return self._folder_of(organisation_id) / sha256[:2] / sha256

    def _folder_of(self, organisation_id: str) -> Path:
        if not _ORGANISATION.fullmatch(organisation_id):
            raise ValueError("an organisation id is expected")
        return self.folder / organisation_id


def _sync(folder: Path) -> None:
    """Make a rename in this folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
