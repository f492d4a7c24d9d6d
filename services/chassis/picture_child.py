"""Runs in the limited child process: decodes an image and writes it anew, so that nothing but the picture is left.

The answer is a line of JSON (`format`, `width`, `height`, or `detail`), and the bytes after it. It imports no module of Portico.
"""

from __future__ import annotations

import io
import json
from typing import Any

from PIL import Image, ImageOps


def answer(data: bytes, limits: dict[str, Any]) -> bytes:
    """The image within `limits["most"]`, in its own format."""
    if len(data) > limits["max_bytes"]:
        most = limits["max_bytes"] // 1024 // 1024
        return _refused(f"The file is too large. An image of at most {most} MB is expected.")
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
        width, height = image.size
        image.draft("RGB", limits["most"])  # a JPEG is decoded no larger than it is needed
        if image.width * image.height > limits["most_pixels"]:
            return _refused("The image has too many points. One of at most 24 million is expected.")
        image.load()
    except Exception:
        return _refused(f"The file is no {' or '.join(limits['formats'])} image that can be read.")
    own = str(image.format)
    if own not in limits["formats"]:
        return _refused(f"A {' or '.join(limits['formats'])} image is expected, and this is {own}.")
    shown = ImageOps.exif_transpose(image)
    shown = shown.convert("RGB" if own == "JPEG" else "RGBA")
    shown.thumbnail(limits["most"])
    shown.info = {}  # comments and profiles would be written again
    written = io.BytesIO()
    shown.save(written, own, **({"quality": 88, "optimize": True} if own == "JPEG" else {"optimize": True}))
    facts = {"format": own, "width": shown.width, "height": shown.height, "given": [width, height]}
    return json.dumps(facts).encode() + b"\n" + written.getvalue()


def _refused(detail: str) -> bytes:
    return json.dumps({"detail": detail}).encode() + b"\n"
