"""How files are called. Pure."""

from __future__ import annotations

import re

_ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}


def file_name(about: str, media_type: str) -> str:
    """The name of a file that is downloaded, from the words of what it is about."""
    words = re.sub(r"[^a-z0-9]+", "-", about.lower()).strip("-")[:60].rstrip("-")
    return f"{words or 'file'}.{_ENDINGS[media_type]}"
