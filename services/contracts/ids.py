"""Identifiers: 32 lower-case hex digits, in every answer, event, schema and FHIR id.

They are no UUIDs of RFC 9562 as text, which have dashes, so no schema declares `format: uuid`. Where an id comes in, the form
with dashes and capitals are accepted as well.
"""

from __future__ import annotations

import re

PATTERN = "^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"
_ID = re.compile(PATTERN.strip("^$"))


def plain_id(text: str) -> str | None:
    """The identifier in our form; None if it is none."""
    return text.replace("-", "").lower() if _ID.fullmatch(text) else None
