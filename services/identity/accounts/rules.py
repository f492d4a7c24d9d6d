"""Pure rules of accounts."""

from __future__ import annotations

import unicodedata

ASSIGNABLE_LEVELS = frozenset({"agency", "program"})


def author_name(first_name: str | None, last_name: str | None) -> str | None:
    """A name as the other side reads it: "Sam F.". Without a last name it is the first name; without a first name, None."""
    first = " ".join((first_name or "").split())
    last = unicodedata.normalize("NFC", (last_name or "").strip())
    return f"{first} {last[0].upper()}." if first and last else first or None
