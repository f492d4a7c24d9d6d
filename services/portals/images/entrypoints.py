"""Entrypoints of the images of portals."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import images
from services.portals.images import queries, workflows


class ImagesEntrypoints:
    """Entrypoints of the images of portals."""

    @serves(images.list_portal_images)
    def list_portal_images(self, call: Call) -> Any:
        """The images of a portal."""
        return call.read(queries.list_portal_images)

    @serves(images.open_portal_image)
    def open_portal_image(self, call: Call) -> Any:
        """Where the bytes of an image are."""
        return call.read(queries.open_portal_image)

    @serves(images.upload_portal_image)
    def upload_portal_image(self, call: Call) -> Any:
        """Give a portal an image."""
        return workflows.upload_portal_image(call)

    @serves(images.use_stock_image)
    def use_stock_image(self, call: Call) -> Any:
        """Give a portal one of the product's pictures."""
        return workflows.use_stock_image(call)
