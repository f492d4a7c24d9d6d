"""Queries of the images of portals."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import images as contract
from services.portals.definitions import queries as definitions
from services.portals.images import rules
from services.portals.images.models import PortalImage

LOGO, WELCOME = contract.LOGO, contract.WELCOME


def list_portal_images(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    """The images of a portal, newest first. Raises Refused `not_found`."""
    definitions.named(session, caller.organisation_id, portal)
    statement = select(PortalImage).where(PortalImage.portal == portal)
    newest = statement.order_by(PortalImage.uploaded_at.desc(), PortalImage.id).limit(rules.MOST_IMAGES)
    key = caller.organisation_key or ""
    return {
        "items": [view(row, key) for row in session.scalars(newest)],
        "stock": [{"stock": name, "description": text} for name, text in rules.STOCK.items()],
    }


def open_portal_image(session: Session, _caller: None, *, organisation: str, image_id: str) -> dict[str, Any]:
    """Where the bytes of an image are. Raises Refused `not_found`."""
    organisation_id = definitions.organisation_of(session, organisation)
    statement = select(PortalImage).where(
        PortalImage.organisation_id == organisation_id, PortalImage.id == image_id
    )
    row = session.scalars(statement).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such image.", field="image_id")
    ending = row.media_type.rpartition("/")[2]
    return {
        "organisation_id": organisation_id,
        "sha256": row.sha256,
        "file_name": f"{row.alias}.{ending}",
        "media_type": row.media_type,
    }


def shown(
    session: Session, organisation: tuple[str | None, str | None], image_ids: Collection[str]
) -> dict[str, dict[str, Any]]:
    """The address and size of each of these images that the organisation (id and key) has."""
    organisation_id, key = organisation
    statement = select(PortalImage).where(
        PortalImage.organisation_id == organisation_id, PortalImage.id.in_(image_ids)
    )
    return {
        row.id: {"address": _address(row, key or ""), "width": row.width, "height": row.height}
        for row in session.scalars(statement)
    }


def is_there(session: Session, image_id: str, place: str) -> bool:
    """Whether the organisation has this image for this place."""
    statement = select(PortalImage.id).where(PortalImage.id == image_id, PortalImage.place == place)
    return session.scalar(statement) is not None


def files_in_use(session: Session, sha256s: Collection[str]) -> set[str]:
    """Those of these files that an image names."""
    return set(session.scalars(select(PortalImage.sha256).where(PortalImage.sha256.in_(sha256s))))


def view(row: PortalImage, organisation_key: str, given: tuple[int, int] | None = None) -> dict[str, Any]:
    """An image as the contract's PortalImage; `given` is the size with which it came."""
    return {
        "image_id": row.id,
        "portal": row.portal,
        "place": row.place,
        "alias": row.alias,
        "address": _address(row, organisation_key),
        "media_type": row.media_type,
        "width": row.width,
        "height": row.height,
        "is_stock": row.is_stock,
        "uploaded_at": row.uploaded_at,
        "warnings": rules.warnings(row.place, *(given or (row.width, row.height))),
    }


def _address(row: PortalImage, organisation_key: str) -> str:
    return f"/v1/public/{organisation_key}/portal-images/{row.id}"
