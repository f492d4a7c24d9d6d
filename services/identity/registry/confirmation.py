"""Requests that take effect only when they are confirmed."""

from __future__ import annotations

from services.contracts.errors import Refused


def require_confirmation(confirm: bool, consequence: str) -> None:
    """Raise Refused(confirmation_required), which says what will happen, unless the request confirms it."""
    if not confirm:
        raise Refused("confirmation_required", f"{consequence} Send confirm=true to go on.", field="confirm")
