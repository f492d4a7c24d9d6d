"""The second form of the store of files: a bucket of an S3-compatible store. Loaded where a setting names one (`blobs.open_store`).

A file is an object `<organisation>/<part>/<sha256>/<name of its own>`. Whoever keeps a file, or puts it anew, writes an object with a
new name, and deletes those it has seen before. So nobody needs a lock: the sweep deletes objects that it has seen to be old, and never
the one that somebody has kept meanwhile.

What is read is fetched into BLOB_DIR first, which may be a process' own disk, and stays there for an hour after its last use. Files
go through it in pieces, so memory does not grow with their size.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.error import MinioException, S3Error

from services.chassis.blobs import (
    DOCUMENTS,
    DOWNLOADED,
    INCOMING,
    PASSING,
    UPLOADED,
    UPLOADS,
    BlobStore,
    StoredFile,
    Upload,
    is_organisation,
    make_folder,
    not_stored,
    require_sha256,
)
from services.chassis.stored_bytes import storage_full
from services.chassis.turns import in_turns
from services.contracts.errors import Refused

FETCHED = "fetched"
FETCHED_KEPT_S = 3600.0
FETCHED_SWEPT_EVERY_S = 600.0
# An object so young is not written again: the sweep spares it for at least an hour.
YOUNG_S = 600.0
PIECE = 256 * 1024
CONNECT_S, READ_S, TRIES = 3.0, 20.0, 2
AGAIN_AFTER_S = 10
_NAMES_OF_PARTS = {DOCUMENTS: "documents"}


class Bucket(NamedTuple):
    """Where the bucket is, and with which keys it opens."""

    endpoint: str
    name: str
    access_key: str
    secret_key: str
    region: str


@contextmanager
def _telling_outage() -> Iterator[None]:
    try:
        yield
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise Refused(
            "service_unavailable", "The store of files cannot be reached.", retry_after_s=AGAIN_AFTER_S
        ) from error


class S3BlobStore(BlobStore):
    """A bucket of immutable files (see `BlobStore`). `folder` is where files pass through."""

    def __init__(self, folder: str | Path, bucket: Bucket) -> None:
        super().__init__(folder)
        self._bucket = bucket
        self._clients: dict[int, Minio] = {}
        self._counts: dict[str, int] = {}
        self._fetched_swept_at = time.monotonic()

    @_telling_outage()
    def put_passing(
        self, organisation_id: str, chunks: Iterable[bytes], most_bytes: int, part: str = PASSING
    ) -> tuple[str, int]:
        """Store the content of the chunks in a part (see `BlobStore`)."""
        with self._received(organisation_id, chunks, most_bytes) as (received, sha256, size):
            before = self._objects(organisation_id, part, sha256)
            if not any(map(_is_young, before)):
                self._send(received, self._new_key(organisation_id, part, sha256))
                self._note(organisation_id, size)
                self._delete(organisation_id, before)
        return sha256, size

    @_telling_outage()
    def put_upload(
        self, organisation_id: str, chunks: Iterable[bytes], most_bytes: int, most_stored_bytes: int
    ) -> Upload:
        """Store what a request uploads, as an object of its own (see `BlobStore`)."""
        with self._received(organisation_id, chunks, most_bytes) as (received, sha256, size):
            if self.stored_bytes(organisation_id) + size > most_stored_bytes:
                raise storage_full(most_stored_bytes)
            key = self._new_key(organisation_id, UPLOADS, sha256)
            self._send(received, key)
            self._note(organisation_id, size)
        return Upload(sha256, size, key)

    @_telling_outage()
    def release(self, organisation_id: str, upload: Upload) -> None:
        """Delete an upload. Another request that holds the same bytes has an object of its own."""
        self._client.remove_object(self._bucket.name, upload.holder)
        self._note(organisation_id, -upload.size)

    @_telling_outage()
    def keep(
        self,
        organisation_id: str,
        sha256: str,
        part: str = DOCUMENTS,
        found_in: tuple[str, ...] = UPLOADED,
    ) -> None:
        """Keep a file in a part of a service's own, before the row that refers to it is committed (see `BlobStore`)."""
        before = self._objects(organisation_id, part, sha256)
        if any(map(_is_young, before)):
            return
        target = self._new_key(organisation_id, part, sha256)
        for source in (part, *found_in):
            for found in self._objects(organisation_id, source, sha256):
                with _unless_gone():
                    self._client.copy_object(
                        self._bucket.name, target, CopySource(self._bucket.name, found.place)
                    )
                    self._note(organisation_id, found.size)
                    self._delete(organisation_id, before)
                    return
        raise not_stored(found_in)

    @_telling_outage()
    def find(self, organisation_id: str, sha256: str, *parts: str) -> Path:
        """Fetch a file from one of these parts, unless it has been fetched; its path, which is valid for an hour."""
        self._sweep_fetched()
        fetched = self._folder_of(organisation_id) / FETCHED / require_sha256(sha256)
        for part in parts or DOWNLOADED:
            # An object may be replaced between the look and the request for it.
            for _ in range(2):
                for found in self._objects(organisation_id, part, sha256):
                    with _unless_gone(), suppress(FileNotFoundError):
                        return self._fetch(found, sha256, fetched)
        raise not_stored(parts)

    @_telling_outage()
    def holds(self, organisation_id: str, sha256: str, part: str) -> bool:
        """Whether a file is in a part."""
        return bool(self._objects(organisation_id, part, sha256))

    # Sweeping and counting

    @_telling_outage()
    def organisations(self) -> list[str]:
        """The ids of the organisations that store files."""
        found = self._client.list_objects(self._bucket.name)
        names = [str(each.object_name).rstrip("/") for each in found]
        return sorted(filter(is_organisation, names))

    def old_files(self, organisation_id: str, part: str, before: float) -> Iterator[StoredFile]:
        """Files of a part that were put there, or kept anew, before this time. They come in turns."""
        with _telling_outage():
            for each in in_turns(self._listed(organisation_id, part)):
                if each.stored_at < before:
                    yield each

    @_telling_outage()
    def delete_old(self, organisation_id: str, files: Iterable[StoredFile], before: float) -> int:
        """Delete these objects; returns how many. What was kept anew since they were seen is another object."""
        doomed = [each for each in files if each.stored_at < before]
        self._delete(organisation_id, doomed)
        return len(doomed)

    def stored_bytes(self, organisation_id: str) -> int:
        """The bytes of all files of an organisation: of the last recount, with what this process has stored and deleted since."""
        counted = self._counts.get(organisation_id)
        return self.recount(organisation_id) if counted is None else counted

    @_telling_outage()
    def recount(self, organisation_id: str) -> int:
        """Add up the bytes of all files of an organisation anew."""
        prefix = f"{self._checked(organisation_id)}/"
        found = self._client.list_objects(self._bucket.name, prefix, recursive=True)
        total = sum(each.size or 0 for each in in_turns(found))
        self._counts[organisation_id] = total
        return total

    # Inside

    @property
    def _client(self) -> Minio:
        """A client for each thread of the system: the locks of a shared one would be those of an event loop."""
        client = self._clients.get(threading.get_native_id())
        if client is None:
            address = urllib3.util.parse_url(self._bucket.endpoint)
            client = self._clients[threading.get_native_id()] = Minio(
                address.netloc or "",
                access_key=self._bucket.access_key,
                secret_key=self._bucket.secret_key,
                secure=address.scheme == "https",
                region=self._bucket.region,
                http_client=urllib3.PoolManager(
                    timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
                    retries=urllib3.Retry(
                        total=TRIES, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]
                    ),
                ),
            )
        return client

    def _checked(self, organisation_id: str) -> str:
        self._folder_of(organisation_id)  # refuses what is no id
        return organisation_id

    def _prefix(self, organisation_id: str, part: str) -> str:
        return f"{self._checked(organisation_id)}/{_NAMES_OF_PARTS.get(part, part)}/"

    def _new_key(self, organisation_id: str, part: str, sha256: str) -> str:
        return f"{self._prefix(organisation_id, part)}{require_sha256(sha256)}/{secrets.token_hex(8)}"

    def _objects(self, organisation_id: str, part: str, sha256: str) -> list[StoredFile]:
        """The objects of one file in a part, the newest first. There may be several while somebody keeps it anew."""
        found = self._listed(organisation_id, part, require_sha256(sha256))
        return sorted(found, key=lambda each: each.stored_at, reverse=True)

    def _listed(self, organisation_id: str, part: str, sha256: str = "") -> Iterator[StoredFile]:
        prefix = self._prefix(organisation_id, part) + (f"{sha256}/" if sha256 else "")
        for each in self._client.list_objects(self._bucket.name, prefix, recursive=True):
            if each.last_modified is not None:
                key = str(each.object_name)
                yield StoredFile(key.split("/")[2], key, each.size or 0, each.last_modified.timestamp())

    def _send(self, file: Path, key: str) -> None:
        self._client.fput_object(self._bucket.name, key, str(file), num_parallel_uploads=1)

    def _delete(self, organisation_id: str, files: Iterable[StoredFile]) -> None:
        for each in in_turns(files, 10):
            self._client.remove_object(self._bucket.name, each.place)
            self._note(organisation_id, -each.size)

    def _note(self, organisation_id: str, size: int) -> None:
        """Count. Two threads at once may lose one of their changes, until the next recount."""
        if organisation_id in self._counts:
            self._counts[organisation_id] += size

    def _fetch(self, found: StoredFile, sha256: str, fetched: Path) -> Path:
        """Have the content of an object in this place. Raises OSError if it no longer matches its hash."""
        if fetched.exists():
            os.utime(fetched)
            return fetched
        make_folder(fetched.parent)
        digest, arriving = hashlib.sha256(), fetched.with_name(f"{INCOMING}{secrets.token_hex(8)}")
        response = self._client.get_object(self._bucket.name, found.place)
        try:
            with arriving.open("xb") as file:
                for piece in response.stream(PIECE):
                    digest.update(piece)
                    file.write(piece)
            if digest.hexdigest() != sha256:
                raise OSError("a stored document has changed")
            arriving.rename(fetched)
        finally:
            arriving.unlink(missing_ok=True)
            response.close()
            response.release_conn()
        return fetched

    def _sweep_fetched(self) -> None:
        """Delete what was fetched and not used for an hour, from time to time."""
        if time.monotonic() - self._fetched_swept_at < FETCHED_SWEPT_EVERY_S:
            return
        self._fetched_swept_at = time.monotonic()
        before = time.time() - FETCHED_KEPT_S
        for path in in_turns(self.folder.glob(f"*/{FETCHED}/*")):
            with suppress(FileNotFoundError):  # another process sweeps, too
                if path.stat().st_mtime < before:
                    path.unlink()


@contextmanager
def _unless_gone() -> Iterator[None]:
    """Pass over an object that was deleted a moment ago."""
    try:
        yield
    except S3Error as error:
        if error.code != "NoSuchKey":
            raise


def _is_young(file: StoredFile) -> bool:
    return time.time() - file.stored_at < YOUNG_S


_opened: dict[tuple[str, Bucket], S3BlobStore] = {}


def open_bucket(settings: Any) -> S3BlobStore:
    """The store that the settings name. It is one in a process, so that its parts count together."""
    bucket = Bucket(
        settings.blob_s3_endpoint,
        settings.blob_s3_bucket,
        settings.blob_s3_access_key,
        settings.blob_s3_secret_key,
        settings.blob_s3_region,
    )
    return _opened.setdefault((settings.blob_dir, bucket), S3BlobStore(settings.blob_dir, bucket))
