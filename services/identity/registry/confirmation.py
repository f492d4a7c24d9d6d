"""What is asked for twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.contracts.errors import Refused


def require_confirmation(request: Mapping[str, Any], consequence: str) -> None:
    """Raise Refused(confirmation_required), which says what will happen, unless the request confirms it."""
    if not request["confirm"]:
        raise Refused("confirmation_required", f"{consequence} Send confirm=true to go on.", field="confirm")
