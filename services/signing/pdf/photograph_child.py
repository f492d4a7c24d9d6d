"""Turning a photograph into a PDF, within the limited child process. The answer is the PDF, or `{"code": …}`."""

from __future__ import annotations

import io
import json
from typing import Any, BinaryIO

from PIL import Image, ImageOps

_LETTER_INCHES = 11.0  # the longer side of the page
_LONGEST_SIDE = 3300  # pixels: 300 dots per inch
_TOO_LARGE = json.dumps({"code": "document_too_large"}).encode()


def answer(file: BinaryIO, limits: dict[str, Any]) -> bytes:
    """The answer as the module says."""
    Image.MAX_IMAGE_PIXELS = limits["most_pixels"]
    image = Image.open(file, formats=["JPEG", "PNG"])
    if image.width * image.height > limits["most_pixels"]:
        return _TOO_LARGE
    if image.format == "JPEG":
        image.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
    upright = _flat(ImageOps.exif_transpose(image))
    upright.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    output = io.BytesIO()
    upright.save(output, "PDF", resolution=max(upright.size) / _LETTER_INCHES, quality=85)
    written = output.getvalue()
    return written if len(written) <= limits["most_bytes"] else _TOO_LARGE


def _flat(image: Image.Image) -> Image.Image:
    """The picture without transparency, in grey or colour."""
    if image.mode in ("RGB", "L"):
        return image
    whole = image.convert("RGBA")
    paper = Image.new("RGB", whole.size, "white")
    paper.paste(whole, mask=whole.getchannel("A"))
    return paper
