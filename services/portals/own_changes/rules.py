"""Pure rules of changes that people ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from services.contracts.errors import Refused


def require_editable(section: str, editable: Collection[str]) -> None:
    """Raise Refused(field_not_editable) for a section that the portal only shows (S2-129)."""
    if section not in editable:
        raise Refused(
            "field_not_editable",
            "This part of your record can only be seen here. Write a message instead.",
            "section",
        )


def require_something(values: Mapping[str, Any] | None, replaces_id: str | None) -> None:
    """Raise Refused(invalid_request) for a change of nothing."""
    if values is None and replaces_id is None:
        raise Refused("invalid_request", "values: say what is to be added, or what is wrong.", "values")


def in_words(
    section: str, values: Mapping[str, Any] | None, replaced: Mapping[str, Any] | None, note: str | None
) -> str:
    """The change as the text of its request."""
    lines = []
    for verb, told in (("Take away from", replaced), ("Add to", values)):
        if told is not None:
            shown = "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in told.items() if value)
            lines.append(f"{verb} {section}: {shown}")
    return "\n".join([*lines, *([note] if note else [])])
