"""Where emergency access to the subject of a page is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from services.contracts.identity.audit import break_glass
from services.contracts.ids import plain_id

# The page of each kind of object that emergency access opens, without its id.
PLACES = {
    "contact_record": "/staff/records/",
    "referral": "/staff/referrals/",
    "document": "/staff/documents/",
    "person": "/staff/people/",
}


def address_of(path: str, me: Mapping[str, Any] | None) -> str | None:
    """The page that asks for emergency access to what is at this path; None if there is none or the person may not ask."""
    if me is None or break_glass.access.permission not in me["permissions"]:
        return None
    for kind, place in PLACES.items():
        object_id = path.removeprefix(place).partition("/")[0]
        if path.startswith(place) and plain_id(object_id):
            return f"/staff/emergency/new?{urlencode({'object_type': kind, 'object_id': object_id})}"
    return None
