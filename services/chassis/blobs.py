"""Files lie in a content-addressed store; messages through the broker carry only their SHA-256.

Each organisation has a store of its own, so a hash of another organisation's document opens nothing. The store has parts.
What is uploaded lies in a passing part until the service that works on it has answered; what a service accepts it keeps in
a part of its own, which no other service sweeps. What is made only for one download lies in a passing part, too.

The store is a folder, or, by setting, a bucket of an S3-compatible store (`s3_blobs`).
"""

from __future__ import annotations

import errno
import hashlib
import importlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from services.chassis.stored_bytes import StoredBytes, counted
from services.chassis.turns import in_turns
from services.contracts.errors import Refused

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ORGANISATION = re.compile(r"[0-9a-f]{32}")
_SHELF = re.compile(r"[0-9a-f]{2}")
# The kept parts: documents, which lie in the organisation's folder itself, files of imports that are unfinished, images, and
# files in answers to questionnaires and in messages.
DOCUMENTS, IMPORTS, IMAGES, ANSWERS = "", "imports", "images", "answers"
# The passing parts: what is being uploaded, documents that are downloaded at once, and exports that are downloaded later.
UPLOADS, PASSING, EXPORTS = "uploads", "passing", "exports"
# Where services look for an upload: a gateway of an earlier version, until it is updated too, puts it among the documents.
UPLOADED = (UPLOADS, DOCUMENTS)
DOWNLOADED = (DOCUMENTS, PASSING, EXPORTS, IMAGES, ANSWERS)
# The store of those who have not signed in: what they upload passes, and nothing is kept.
VISITORS = "0" * 32
INCOMING = ".incoming-"
_COUNTED_AT_MOST = 3


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


@contextmanager
def _telling_full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise no_room() from error
        raise


class Upload(NamedTuple):
    """A file that is being uploaded, held by one request."""

    sha256: str
    size: int
    holder: str


class StoredFile(NamedTuple):
    """A file that a sweep has seen: its SHA-256 (or the name of one that has not come whole), place, size and Unix time."""

    name: str
    place: str
    size: int
    stored_at: float


def open_store(settings: Any) -> BlobStore:
    """The store that the settings name."""
    if settings.blob_s3_bucket is None:
        return BlobStore(settings.blob_dir)
    opened: BlobStore = importlib.import_module("services.chassis.s3_blobs").open_bucket(settings)
    return opened


class BlobStore:
    """A folder of immutable files, named by organisation, part and SHA-256."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def put(self, organisation_id: str, chunks: Iterable[bytes], most_bytes: int) -> tuple[str, int]:
        """Store the content of the chunks durably among the documents; returns (SHA-256, size).

        Raises Refused(request_too_large) beyond `most_bytes`, Refused(service_unavailable) on a full disk, and stores nothing.
        """
        return self.put_passing(organisation_id, chunks, most_bytes, DOCUMENTS)

    @_telling_full_disk()
    def put_passing(
        self, organisation_id: str, chunks: Iterable[bytes], most_bytes: int, part: str = PASSING
    ) -> tuple[str, int]:
        """As `put`, but in a passing part. `find` finds the document until `sweep_passing` deletes it."""
        with self._received(organisation_id, chunks, most_bytes) as (received, sha256, size):
            path = self.path(organisation_id, sha256, part)
            make_folder(path.parent)
            with self._counted(organisation_id) as stored:
                _place(received, path, size, stored)
            _sync(path.parent)
        return sha256, size

    @_telling_full_disk()
    def put_upload(
        self, organisation_id: str, chunks: Iterable[bytes], most_bytes: int, most_stored_bytes: int
    ) -> Upload:
        """Store what a request uploads until `release`, or until `sweep_passing` if that never comes.

        Raises as `put`, and Refused(storage_full) if the organisation would store more than `most_stored_bytes`.
        """
        with self._received(organisation_id, chunks, most_bytes) as (received, sha256, size):
            path = self.path(organisation_id, sha256, UPLOADS)
            holder = path.with_name(f"{sha256}.{secrets.token_hex(8)}")
            make_folder(path.parent)
            with self._counted(organisation_id) as stored:
                if not path.exists():
                    stored.require_room(size, most_stored_bytes)
                _place(received, path, size, stored)
                holder.touch()
            _sync(path.parent)
        return Upload(sha256, size, str(holder))

    def release(self, organisation_id: str, upload: Upload) -> None:
        """Delete an upload, unless another request holds the same bytes. A kept copy stays."""
        with self._counted(organisation_id) as stored:
            holder = Path(upload.holder)
            holder.unlink(missing_ok=True)
            if not any(holder.parent.glob(f"{upload.sha256}.*")):
                _remove(self.path(organisation_id, upload.sha256, UPLOADS), stored)

    @_telling_full_disk()
    def keep(
        self,
        organisation_id: str,
        sha256: str,
        part: str = DOCUMENTS,
        found_in: tuple[str, ...] = UPLOADED,
    ) -> None:
        """Keep an upload, or what else passes, in a part of a service's own, durably, before the row that refers to it is committed.

        Repeating it is harmless: the file counts as new. Raises Refused(not_found) if the upload has gone meanwhile, and
        Refused(service_unavailable) on a full disk.
        """
        path = self.path(organisation_id, sha256, part)
        make_folder(path.parent)
        with self._counted(organisation_id):
            _link(path if path.exists() else self.find(organisation_id, sha256, *found_in), path)
        _sync(path.parent)

    def find(self, organisation_id: str, sha256: str, *parts: str) -> Path:
        """The path of a file, in one of these parts or, without any, of those for downloads. Raises Refused(not_found)."""
        for part in parts or DOWNLOADED:
            path = self.path(organisation_id, sha256, part)
            if path.is_file():
                return path
        raise not_stored(parts)

    def holds(self, organisation_id: str, sha256: str, part: str) -> bool:
        """Whether a file is in a part."""
        return self.path(organisation_id, sha256, part).is_file()

    def opened(self, organisation_id: str, sha256: str) -> BinaryIO:
        """A document, open at its beginning. Raises Refused(not_found), OSError if the file no longer matches its hash."""
        file = self.find(organisation_id, sha256, DOCUMENTS).open("rb")
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            file.close()
            raise OSError("a stored document has changed")
        file.seek(0)
        return file

    def path(self, organisation_id: str, sha256: str, part: str = DOCUMENTS) -> Path:
        """The path of a file in a part, which may not exist."""
        return self._folder_of(organisation_id) / part / require_sha256(sha256)[:2] / sha256

    # Sweeping and counting

    def organisations(self) -> list[str]:
        """The ids of the organisations that have ever stored a file."""
        return sorted(filter(is_organisation, _names(self.folder)))

    def sweep_passing(self, older_than_s: float, part: str = PASSING) -> int:
        """Delete files that were put into a passing part longer ago than this; returns how many."""
        before = time.time() - older_than_s
        return sum(
            self.delete_old(organisation_id, self.old_files(organisation_id, part, before), before)
            for organisation_id in self.organisations()
        )

    def old_files(self, organisation_id: str, part: str, before: float) -> Iterator[StoredFile]:
        """Files of a part that were put there, or kept anew, before this time. They come in turns."""
        for path in in_turns(self._files(self._folder_of(organisation_id) / part)):
            status = _status(path)
            if status is not None and status.st_mtime < before:
                yield StoredFile(path.name, str(path), status.st_size, status.st_mtime)

    def delete_old(self, organisation_id: str, files: Iterable[StoredFile], before: float) -> int:
        """Delete those files that have not been put or kept anew since `before`; returns how many."""
        deleted = 0
        for path in (Path(each.place) for each in in_turns(files, 10)):
            with self._counted(
                organisation_id
            ) as stored:  # nobody keeps it between the look and the deletion
                if _is_old(path, before):
                    _remove(path, stored)
                    deleted += 1
        return deleted

    def stored_bytes(self, organisation_id: str) -> int:
        """The bytes of all files of an organisation."""
        with self._counted(organisation_id) as stored:
            total = stored.total
        return self.recount(organisation_id) if total is None else total

    def recount(self, organisation_id: str) -> int:
        """Add up the bytes of all files of an organisation anew, and again if files came or went meanwhile.

        Where they never cease to, some of those may count twice until the next recount.
        """
        total = 0
        for _ in range(_COUNTED_AT_MOST):
            with self._counted(organisation_id) as stored:
                before = stored.noted
            found = self._bytes_in(self._folder_of(organisation_id))
            with self._counted(organisation_id) as stored:
                stored.found = found - before
                total, is_exact = found - before + stored.noted, stored.noted == before
            if is_exact:
                break
        return total

    def _bytes_in(self, folder: Path) -> int:
        total, linked = 0, set()
        for part in (DOCUMENTS, IMPORTS, IMAGES, ANSWERS, UPLOADS, PASSING, EXPORTS):
            for path in in_turns(self._files(folder / part)):
                status = _status(path)
                if status is None or path.name.startswith(INCOMING):
                    continue
                if status.st_nlink == 1 or status.st_ino not in linked:
                    total += status.st_size
                if status.st_nlink > 1:  # an upload and a kept file may be one
                    linked.add(status.st_ino)
        return total

    def _files(self, folder: Path) -> Iterator[Path]:
        """The files of a part, with those that somebody has begun to write."""
        for name in _names(folder):
            if name.startswith(INCOMING):
                yield folder / name
            elif _SHELF.fullmatch(name):
                yield from (folder / name / each for each in _names(folder / name))
            time.sleep(0)

    @contextmanager
    def _received(
        self, organisation_id: str, chunks: Iterable[bytes], most_bytes: int
    ) -> Iterator[tuple[Path, str, int]]:
        """A file with the content of the chunks, its SHA-256 and size. It goes at the end, so place it elsewhere."""
        # Counts what was never counted, which takes too long while the lock is held.
        self.stored_bytes(organisation_id)
        digest, size = hashlib.sha256(), 0
        folder = self._folder_of(organisation_id) / UPLOADS
        make_folder(folder)
        received = folder / f"{INCOMING}{secrets.token_hex(8)}"
        try:
            with received.open("xb") as file:
                for chunk in chunks:
                    size += len(chunk)
                    if size > most_bytes:
                        raise Refused("request_too_large", f"At most {most_bytes} bytes are accepted.")
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            yield received, digest.hexdigest(), size
        finally:
            received.unlink(missing_ok=True)

    @contextmanager
    def _counted(self, organisation_id: str) -> Iterator[StoredBytes]:
        """Hold the lock of an organisation's files, with their count."""
        folder = self._folder_of(organisation_id)
        make_folder(folder)
        with counted(folder) as stored:
            yield stored

    def _folder_of(self, organisation_id: str) -> Path:
        if not is_organisation(organisation_id):
            raise ValueError("an organisation id is expected")
        return self.folder / organisation_id


def not_stored(parts: tuple[str, ...] = ()) -> Refused:
    """What is answered where a file is in none of these parts."""
    if UPLOADS in parts:
        return Refused("not_found", "The uploaded file is no longer there. Upload it again.", "document")
    return Refused("not_found", "The document is not in the store.")


def is_organisation(name: str) -> bool:
    """Whether this is an organisation's id."""
    return _ORGANISATION.fullmatch(name) is not None


def require_sha256(text: str) -> str:
    """The text, if it could be a SHA-256: it becomes a part of a path. Raises Refused(not_found)."""
    if not _SHA256.fullmatch(text):
        raise not_stored()
    return text


def _link(source: Path, path: Path) -> bool:
    """Have a file in this place, too, and as new. False if its content was there before."""
    is_new = not path.exists()
    if is_new:
        path.hardlink_to(source)
    os.utime(path)
    return is_new


def _place(received: Path, path: Path, size: int, stored: StoredBytes) -> None:
    if _link(received, path):
        stored.noted += size


def _remove(path: Path, stored: StoredBytes) -> None:
    """Delete a file, if it is there. Its bytes go with its last link."""
    status = _status(path)
    if status is not None:
        path.unlink()
        if status.st_nlink == 1 and not path.name.startswith(INCOMING):
            stored.noted -= status.st_size


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:  # another process has deleted it
        return None


def _is_old(path: Path, before: float) -> bool:
    status = _status(path)
    return status is not None and status.st_mtime < before


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except FileNotFoundError:
        return []


def make_folder(folder: Path) -> None:
    """Make a folder, durably, with those above it."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    """Make a rename in this folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
