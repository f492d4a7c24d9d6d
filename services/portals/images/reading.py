"""Takes in an uploaded image: it is decoded in a limited child process and kept as that wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from services.chassis import untrusted_files
from services.chassis.blobs import IMAGES, UPLOADED, BlobStore
from services.contracts.errors import Refused
from services.portals.images import rules

_CHILD = Path(__file__).with_name("reading_child.py")
_STOCK = Path(__file__).with_name("stock")
_LIMITS: dict[str, Any] = {
    "max_bytes": rules.MOST_BYTES,
    "most_pixels": 24_000_000,
    "cpu_s": 5,
    "wall_s": 10.0,
    "memory_bytes": 768 * 1024 * 1024,
}
_MOST_ANSWERED = 8 * 1024 * 1024


class Kept(NamedTuple):
    """An image as it is kept, and the size that it came with."""

    sha256: str
    media_type: str
    width: int
    height: int
    given: tuple[int, int]


def take_in(blobs: BlobStore, organisation_id: str, sha256: str, place: str) -> Kept:
    """Read an uploaded image and keep it as it is written anew. Raises Refused: `not_found`, `image_refused`."""
    path = blobs.find(organisation_id, sha256, *UPLOADED)
    if path.stat().st_size > rules.MOST_BYTES:
        raise Refused(
            "image_refused", "The file is too large. An image of at most 5 MB is expected.", "document"
        )
    order = _LIMITS | {"formats": rules.FORMATS[place], "most": rules.MOST[place]}
    with path.open("rb") as file:
        said = untrusted_files.answer_of(_CHILD, file, order, _MOST_ANSWERED)
    facts, _, written = (said or b"{}\n").partition(b"\n")
    told = json.loads(facts)
    if "format" not in told:
        detail = told.get(
            "detail", "The image is damaged, or too large to be read. Save it anew, with fewer points."
        )
        raise Refused("image_refused", detail, "document")
    kept, _ = blobs.put_passing(organisation_id, [written], _MOST_ANSWERED, IMAGES)
    width, height = told["given"]
    return Kept(kept, rules.MEDIA_TYPES[told["format"]], told["width"], told["height"], (width, height))


def take_stock(blobs: BlobStore, organisation_id: str, stock: str) -> Kept:
    """Keep one of the product's pictures as an image of the organisation."""
    content = (_STOCK / f"{stock}.jpg").read_bytes()
    kept, _ = blobs.put_passing(organisation_id, [content], _MOST_ANSWERED, IMAGES)
    return Kept(kept, "image/jpeg", rules.WIDTH, rules.HEIGHT, (rules.WIDTH, rules.HEIGHT))
