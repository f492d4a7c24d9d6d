"""Which addresses staff take off the list. Pure."""

from __future__ import annotations


def is_removable(reason: str) -> bool:
    """Whether staff may take an address off that is on the list for this reason. Who has sent STOP ends it alone, by START."""
    return reason != "stopped"
