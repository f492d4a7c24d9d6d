"""On which side somebody works, and how an author is shown before identity is asked for the name."""

from __future__ import annotations


def side_of(realm: str | None) -> str:
    """On which side somebody of this realm works: "partner", "provider", or "system" where nobody acted."""
    if realm is None:
        return "system"
    return "provider" if realm == "provider" else "partner"


def actor_view(actor_id: str, side: str, agency_name: str | None = None) -> dict[str, str | None]:
    """An Actor of the contract, still without a name. A provider works for the agency, where that is known."""
    return {
        "id": actor_id,
        "side": side,
        "name": None,
        "organisation": agency_name if side == "provider" else None,
    }
