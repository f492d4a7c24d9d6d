"""Pure rules of consents: until when a signature holds, and what is due."""

from __future__ import annotations

import datetime
from typing import Any

from services.contracts.errors import invalid


def is_due(standing: Any, text_version: int, now: datetime.datetime) -> bool:
    """Whether a consent in this version is due for an account that stands to it so; None: it never signed."""
    return (
        standing is None
        or not standing.is_given
        or standing.text_version < text_version
        or (standing.valid_until is not None and standing.valid_until <= now)
    )


def require_a_signature(typed_name: str | None, is_ticked: bool) -> None:
    """Raise Refused(invalid_request) where the typed name or the ticked box is missing, or both."""
    missing = []
    if not typed_name:
        missing.append(("typed_name", "type your name to sign."))
    if not is_ticked:
        missing.append(("is_ticked", "tick the box to sign."))
    if missing:
        raise invalid(missing)
