"""Rules of authors: the side of a realm, and an author without the name, which identity adds."""

from __future__ import annotations


def side_of(realm: str | None) -> str:
    """The side of an account of this realm: "partner" or "provider"; without a realm no account acted: "system"."""
    if realm is None:
        return "system"
    return "provider" if realm == "provider" else "partner"


def actor_view(
    actor_id: str, side: str, agency_name: str | None = None, *, by_link: bool = False
) -> dict[str, str | bool | None]:
    """An Actor of the contract, still without a name. A provider's organisation is the agency, where that is known."""
    return {
        "id": actor_id,
        "side": side,
        "name": None,
        "organisation": agency_name if side == "provider" else None,
        "by_link": by_link,
    }
