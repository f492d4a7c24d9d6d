"""Commands on the images of portals, each one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.portals.definitions.handlers import locked
from services.portals.images import queries, rules
from services.portals.images.models import PortalImage
from services.portals.images.reading import Kept


def keep_image(unit: UnitOfWork, kept: Kept, place: str, is_stock: bool, *, portal: str) -> dict[str, Any]:
    """Note an image that is in the store. Raises Refused `not_found`, `too_many_images`."""
    # Whoever gives an image to the portal holds its row, so that the count is true.
    definition = locked(unit, portal)
    given = select(func.count()).select_from(PortalImage).where(PortalImage.portal == portal)
    if (unit.session.scalar(given) or 0) >= rules.MOST_IMAGES:
        raise Refused(
            "too_many_images",
            f"A portal has at most {rules.MOST_IMAGES} images. Choose one of those that it has.",
        )
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
