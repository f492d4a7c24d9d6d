"""Pure rules of consents: until when a signature holds, and what is due."""

from __future__ import annotations

import datetime
from typing import Any

from services.contracts.errors import Refused


def is_due(standing: Any, text_version: int, now: datetime.datetime) -> bool:
    """Whether a consent in this version is due for an account that stands to it so; None: it never signed."""
    return (
        standing is None
        or not standing.is_given
        or standing.text_version < text_version
        or (standing.valid_until is not None and standing.valid_until <= now)
    )


def require_a_signature(typed_name: str | None, is_ticked: bool) -> None:
    """Raise Refused(invalid_request) where the typed name or the ticked box is missing."""
    if not typed_name:
        raise Refused("invalid_request", "typed_name: type your name to sign.", "typed_name")
    if not is_ticked:
        raise Refused("invalid_request", "is_ticked: tick the box to sign.", "is_ticked")
