"""Pictures of documents' pages, as passing files of the store. They are drawn when somebody looks, some pages at a time.

Drawing runs in a child process, of which only a few run at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from eventlet import tpool

from services.chassis.blobs import DOCUMENTS, BlobStore
from services.chassis.turns import turn
from services.signing.pdf import drawing

DRAWINGS_AT_ONCE = 2
DRAWN_FOR_S = 600.0
KEPT_S = 900.0  # longer than a picture counts as drawn, so that the gateway finds it
SWEPT_EVERY_S = 300.0
_MOST_KNOWN = 5_000


class PagePictures:
    """One per process. It knows which pages were drawn lately, by file and number."""

    def __init__(self, blobs: BlobStore, in_thread: Callable[..., Any] = tpool.execute) -> None:
        self._blobs = blobs
        self._in_thread = in_thread
        self._drawings = threading.BoundedSemaphore(DRAWINGS_AT_ONCE)
        # Requests for pages of one file take turns, because the first one draws what the others ask for.
        self._files = [threading.BoundedSemaphore(1) for _ in range(16)]
        self._known: dict[tuple[str, str, int], tuple[float, str]] = {}

    def picture(
        self, organisation_id: str, sha256: str, number: int, wait_s: float, part: str = DOCUMENTS
    ) -> str:
        """The SHA-256 of the picture of a page of a file in this part. The picture lies in the store for some minutes.

        Raises Refused: not_found without such a page, document_unreadable where it cannot be drawn, service_unavailable
        when too many are waiting.
        """
        page = (organisation_id, sha256, number)
        if known := self._find(page):
            return known
        with turn(self._files[int(sha256[:4], 16) % len(self._files)], wait_s):
            if known := self._find(page):
                return known
            with turn(self._drawings, wait_s):
                drawn = drawing.pictures(self._blobs.find(organisation_id, sha256, part), number)
            for ahead, content in enumerate(drawn):
                self._keep((organisation_id, sha256, number + ahead), content)
        return self._known[page][1]

    def texts(
        self, organisation_id: str, sha256: str, after: int, most_pages: int, wait_s: float
    ) -> drawing.Texts:
        """The texts of the pages after this one. Raises as `picture`."""
        with turn(self._drawings, wait_s):
            return drawing.texts(self._blobs.find(organisation_id, sha256, DOCUMENTS), after, most_pages)

    def sweep(self) -> bool:
        """Delete old pictures. They are copies of a document and can be drawn again at any time."""
        self._blobs.sweep_passing(KEPT_S)
        return True

    def _find(self, page: tuple[str, str, int]) -> str | None:
        until, sha256 = self._known.get(page, (0.0, ""))
        return sha256 if until > time.monotonic() else None

    def _keep(self, page: tuple[str, str, int], content: bytes) -> None:
        sha256, _ = self._in_thread(self._blobs.put_passing, page[0], [content], len(content))
        self._known.pop(page, None)
        self._known[page] = (time.monotonic() + DRAWN_FOR_S, sha256)
        while len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
