"""Takes in an uploaded image: it is kept as it was written anew."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from services.chassis import pictures
from services.chassis.blobs import IMAGES, UPLOADED, BlobStore
from services.portals.images import rules

_STOCK = Path(__file__).with_name("stock")


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
    read = pictures.rewritten(path, rules.FORMATS[place], rules.MOST[place], rules.MOST_BYTES)
    kept, _ = blobs.put_passing(organisation_id, [read.content], len(read.content), IMAGES)
    return Kept(kept, *read[1:])


def take_stock(blobs: BlobStore, organisation_id: str, stock: str) -> Kept:
    """Keep one of the product's pictures as an image of the organisation."""
    content = (_STOCK / f"{stock}.jpg").read_bytes()
    kept, _ = blobs.put_passing(organisation_id, [content], len(content), IMAGES)
    return Kept(kept, "image/jpeg", rules.WIDTH, rules.HEIGHT, (rules.WIDTH, rules.HEIGHT))
