"""Documents do not travel through the broker: the bytes lie in a content-addressed store, messages carry the SHA-256.

Each organisation has a store of its own, so a hash learnt elsewhere opens nothing. What is made only to be handed out
lies apart, in a passing part, and is swept away after its time: a copy of the same bytes that somebody keeps is not.
"""

from __future__ import annotations

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
# Passing parts: what is fetched with the answer to its request, and what somebody comes back for.
PASSING, EXPORTS = "passing", "exports"


class BlobStore:
    """A folder of immutable files, named by organisation and SHA-256."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def put(self, organisation_id: str, chunks: Iterable[bytes], most_bytes: int) -> tuple[str, int]:
        """Store what the chunks hold; returns (SHA-256, size). Durable when it returns.

        Raises Refused(request_too_large) beyond `most_bytes`; then nothing is kept.
        """
        return self._store(self._folder_of(organisation_id), chunks, most_bytes)

    def put_passing(
        self, organisation_id: str, chunks: Iterable[bytes], most_bytes: int, part: str = PASSING
    ) -> tuple[str, int]:
        """Store what is fetched within its time or never, as `put` does. `find` finds it until it is swept away."""
        return self._store(self._folder_of(organisation_id) / part, chunks, most_bytes)

    def find(self, organisation_id: str, sha256: str) -> Path:
        """Where the bytes lie, kept or passing. Raises Refused(not_found)."""
        kept, own = self.path(organisation_id, sha256), self._folder_of(organisation_id)
        for path in (kept, *(own / part / sha256[:2] / sha256 for part in (PASSING, EXPORTS))):
            if path.is_file():
                return path
        raise Refused("not_found", "The document is not in the store.")

    def sweep_passing(self, older_than_s: float, part: str = PASSING) -> int:
        """Delete what was put into a passing part longer ago than that; how many files."""
        before, swept = time.time() - older_than_s, 0
        for path in self.folder.glob(f"*/{part}/**/*"):
            with suppress(FileNotFoundError):  # another process was first
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
        finally:
            temporary.unlink(missing_ok=True)
        return digest.hexdigest(), size

    def read(self, organisation_id: str, sha256: str) -> bytes:
        """The bytes. Raises Refused(not_found); a file that does not match its name any more is an error."""
        try:
            content = self.path(organisation_id, sha256).read_bytes()
        except FileNotFoundError:
            raise Refused("not_found", "The document is not in the store.") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise OSError("a stored document has changed")
        return content

    def path(self, organisation_id: str, sha256: str) -> Path:
        """Where this blob lies."""
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
