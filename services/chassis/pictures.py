"""Uploaded pictures: each is decoded in a limited child process and written anew, so that nothing but the picture is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from services.chassis import untrusted_files
from services.contracts.errors import Refused

_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}
_CHILD = Path(__file__).with_name("picture_child.py")
_LIMITS: dict[str, Any] = {
    "most_pixels": 24_000_000,
    "cpu_s": 5,
    "wall_s": 10.0,
    "memory_bytes": 768 * 1024 * 1024,
}


class Picture(NamedTuple):
    """A picture as it was written anew: its bytes, its size, and the size that it came with."""

    content: bytes
    media_type: str
    width: int
    height: int
    given: tuple[int, int]


def is_picture(path: Path) -> bool:
    """Whether the file begins as a JPEG or PNG does."""
    with path.open("rb") as file:
        return file.read(8).startswith(_STARTS)


def rewritten(path: Path, formats: tuple[str, ...], most: tuple[int, int], most_bytes: int) -> Picture:
    """An uploaded picture, written anew in its own format, no larger than `most` points.

    It may come with `most_bytes`, and have twice that afterwards. Raises Refused `image_refused` for the field `document`.
    """
    order = _LIMITS | {"max_bytes": most_bytes, "formats": formats, "most": most}
    with path.open("rb") as file:
        said = untrusted_files.answer_of(_CHILD, file, order, 2 * most_bytes)
    facts, _, written = (said or b"{}\n").partition(b"\n")
    told = json.loads(facts)
    if "format" not in told:
        detail = told.get(
            "detail", "The image is damaged, or too large to be read. Save it anew, with fewer points."
        )
        raise Refused("image_refused", detail, "document")
    width, height = told["given"]
    return Picture(written, MEDIA_TYPES[told["format"]], told["width"], told["height"], (width, height))
