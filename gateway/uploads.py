"""Uploads: how much an organisation may store, and how long an upload stays.

Room is asked for by the announced size before the body is taken in, which then cannot be larger, and again when the bytes are
stored, which counts those of all requests and processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flask

from services.chassis import metrics
from services.chassis.blobs import UPLOADS, VISITORS, BlobStore, Upload, open_store
from services.chassis.loop import Loop
from services.chassis.stored_bytes import storage_full
from services.contracts.errors import Refused

SWEPT_EVERY_S = 3600.0
_PIECE = 64 * 1024
OF_A_VISITOR = 25 * 1024 * 1024
VISITORS_AT_ONCE = 8


class Uploads:
    """Takes in the uploads of the current request."""

    def __init__(self, blobs: BlobStore, settings: Any) -> None:
        self._blobs = blobs
        self._most_bytes: int = settings.max_upload_bytes
        self._most_stored_bytes: int = settings.max_stored_bytes

    def require_room(self, organisation_id: str) -> None:
        """Refuse an upload for which there is no room. One of unknown size counts as the largest.

        Raises Refused(storage_full).
        """
        announced = flask.request.content_length
        most_bytes, most_stored_bytes = self._limits(organisation_id)
        size = most_bytes if announced is None else min(announced, most_bytes)
        if self._blobs.stored_bytes(organisation_id) + size > most_stored_bytes:
            raise storage_full(most_stored_bytes)

    def _limits(self, organisation_id: str) -> tuple[int, int]:
        """The largest upload, and what all together may take. Visitors have little room, which each gives back at once."""
        if organisation_id == VISITORS:
            return min(OF_A_VISITOR, self._most_bytes), VISITORS_AT_ONCE * OF_A_VISITOR
        return self._most_bytes, self._most_stored_bytes

    @contextmanager
    def taken_in(self, organisation_id: str) -> Iterator[Upload]:
        """The uploaded file, until the service has answered: what it accepts it has kept by then.

        While it is unknown whether the service still works on it, it is left to the sweep.
        Raises Refused(malformed_request, request_too_large, storage_full, service_unavailable).
        """
        file = flask.request.files.get("file")
        if file is None:
            raise Refused("malformed_request", "Send multipart/form-data with the part `file`.", "file")
        pieces: Iterator[bytes] = iter(lambda: file.stream.read(_PIECE), b"")
        upload = self._blobs.put_upload(organisation_id, pieces, *self._limits(organisation_id))
        try:
            yield upload
        except Refused as refusal:
            if refusal.status < 500:
                self._blobs.release(organisation_id, upload)
            raise
        self._blobs.release(organisation_id, upload)


class UploadsLoop(Loop):
    """Deletes uploads that nobody has released, and counts what each organisation stores anew."""

    def __init__(self, settings: Any) -> None:
        super().__init__("uploads", lambda: sweep(open_store(settings), settings), SWEPT_EVERY_S)


def sweep(blobs: BlobStore, settings: Any) -> bool:
    """One round of the loop."""
    blobs.sweep_passing(settings.unused_files_kept_hours * 3600, UPLOADS)
    counts = [blobs.recount(organisation_id) for organisation_id in blobs.organisations()]
    metrics.STORED_BYTES.set(sum(counts))
    metrics.STORAGE_FILL.set(max(counts, default=0) / settings.max_stored_bytes)
    return True
