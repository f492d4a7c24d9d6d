"""Pure rules of accounts."""

from __future__ import annotations

from services.contracts.spelling import initial_of

ASSIGNABLE_LEVELS = frozenset({"agency", "program"})


def author_name(first_name: str | None, last_name: str | None) -> str | None:
    """A name as the other side reads it: "Sam F.". Without a last name it is the first name; without a first name, None."""
    first = " ".join((first_name or "").split())
    initial = initial_of(last_name or "")
    return f"{first} {initial}." if first and initial else first or None
