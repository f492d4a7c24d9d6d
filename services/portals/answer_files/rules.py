"""How files in answers are called. Pure."""

from __future__ import annotations

import re

_ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}


def file_name(question: str, media_type: str) -> str:
    """The name of a file that is downloaded, from the words of its question."""
    words = re.sub(r"[^a-z0-9]+", "-", question.lower()).strip("-")[:60].rstrip("-")
    return f"{words or 'answer'}.{_ENDINGS[media_type]}"
