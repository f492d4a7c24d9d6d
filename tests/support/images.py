"""Images that tests upload."""

from __future__ import annotations

import io

from PIL import Image


def an_image(form: str = "JPEG", width: int = 650, height: int = 412, colour: str = "#1a5fb4") -> bytes:
    """An image of one colour, as PNG, JPEG or another format of the library."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, form)
    return file.getvalue()
