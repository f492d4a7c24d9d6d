"""Commands on the images of portals, each one transaction."""

from __future__ import annotations

from typing import Any

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.portals.definitions import queries as definitions
from services.portals.images import queries, rules
from services.portals.images.models import PortalImage
from services.portals.images.reading import Kept


def keep_image(unit: UnitOfWork, kept: Kept, place: str, is_stock: bool, *, portal: str) -> dict[str, Any]:
    """Note an image that is in the store. Raises Refused `not_found`."""
    definition = definitions.named(unit.session, unit.organisation_id, portal)
    row = PortalImage(
        id=wire.new_id(),
        organisation_id=unit.organisation_id,
        portal=portal,
        place=place,
        alias=rules.alias(portal, definition.kind, place),
        sha256=kept.sha256,
        media_type=kept.media_type,
        width=kept.width,
        height=kept.height,
        is_stock=is_stock,
        uploaded_at=unit.now,
    )
    unit.add(row)
    unit.audit("portal_image.given", "portal_image", row.id, portal=portal, place=place)
    return queries.view(row, unit.organisation_key or "", kept.given)
