"""Takes in a file that somebody adds: a PDF is screened, a picture is written anew. Nobody can read it before."""

from __future__ import annotations

import threading
from typing import NamedTuple

from eventlet import tpool

from services.chassis import pdf_screening, pictures
from services.chassis.blobs import ANSWERS, UPLOADED, BlobStore
from services.chassis.turns import turn
from services.contracts.portals.screened_files import MOST_BYTES

AT_ONCE, WAIT_S = 2, 5.0
_PLACES = threading.BoundedSemaphore(AT_ONCE)
_FORMATS = ("JPEG", "PNG")
_MOST_POINTS = (4000, 4000)  # a page of a letter, readable
_LIMITS = pdf_screening.Limits(max_bytes=MOST_BYTES, max_pages=200)


class Kept(NamedTuple):
    """A file as it is kept: the SHA-256 and size of its bytes, and what they are."""

    sha256: str
    size: int
    media_type: str


def take_in(blobs: BlobStore, organisation_id: str, sha256: str) -> Kept:
    """Screen an uploaded file and keep it.

    Raises Refused: `not_found` when it is not uploaded any more, `document_…` and `image_refused` when it cannot be let in,
    `service_unavailable` when too many are waiting.
    """
    path = blobs.find(organisation_id, sha256, *UPLOADED)
    with turn(_PLACES, WAIT_S):
        if pictures.is_picture(path):
            read = pictures.rewritten(path, _FORMATS, _MOST_POINTS, MOST_BYTES)
            kept, size = tpool.execute(
                blobs.put_passing, organisation_id, [read.content], len(read.content), ANSWERS
            )
            return Kept(kept, size, read.media_type)
        screened = pdf_screening.screen(path, limits=_LIMITS, field="document")
    tpool.execute(blobs.keep, organisation_id, sha256, ANSWERS)
    return Kept(sha256, screened.bytes, "application/pdf")
