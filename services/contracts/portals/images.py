"""Images of portals: the organisation's logo and the picture of a portal's start page (S2-39, S2-55)."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import PUBLIC, STAFF, Reply, permission
from services.contracts.fields import Code, Digest, Flag, Id, Moment, one_of
from services.contracts.files import UploadedFile
from services.contracts.portals import contract
from services.contracts.portals.definitions import Suffix

LOGO, WELCOME = "logo", "welcome_image"
PLACES = (LOGO, WELCOME)
_CONFIGURE = permission("portal.configure", realms=STAFF)


class PortalImage(Reply):
    """An image that a portal can have. `alias` is how staff name it; `warnings` say what to look at, and refuse nothing."""

    image_id = Id(required=True)
    portal = Suffix(required=True)
    place = one_of(PLACES, required=True)
    alias = fields.String(required=True)
    address = fields.String(required=True)
    media_type = fields.String(required=True)
    width = fields.Integer(required=True)
    height = fields.Integer(required=True)
    is_stock = Flag(required=True)
    uploaded_at = Moment(required=True)
    warnings = fields.List(fields.String(), required=True)


class StockImage(Reply):
    """A picture that comes with the product."""

    stock = fields.String(required=True)
    description = fields.String(required=True)


class ImageReference(Reply):
    """Where the gateway finds the bytes."""

    organisation_id = Id(required=True)
    sha256 = Digest(required=True)
    file_name = fields.String(required=True)
    media_type = fields.String(required=True)


list_portal_images = contract.query(
    "list_portal_images",
    "The images that were given to a portal, newest first, and the pictures of the product that it could have (S2-123).",
    request={"portal": Suffix(required=True)},
    reply={
        "items": fields.List(fields.Nested(PortalImage), required=True),
        "stock": fields.List(fields.Nested(StockImage), required=True),
    },
    access=_CONFIGURE,
    errors=("not_found",),
)

upload_portal_image = contract.command(
    "upload_portal_image",
    "Give a portal an image: a logo as PNG or JPEG, a picture of its start page as JPEG, 650 by 412 at best. It is read and "
    "written anew, so nothing but the picture is kept. The draft chooses which image is shown.",
    request={
        "portal": Suffix(required=True),
        "place": one_of(PLACES, required=True),
        "document": fields.Nested(UploadedFile, required=True),
    },
    reply=PortalImage,
    access=_CONFIGURE,
    errors=("not_found", "image_refused", "too_many_images"),
    status=201,
    timeout_s=20,
)

use_stock_image = contract.command(
    "use_stock_image",
    "Give a portal one of the product's pictures for its start page.",
    request={"portal": Suffix(required=True), "stock": Code(required=True)},
    reply=PortalImage,
    access=_CONFIGURE,
    errors=("not_found", "too_many_images"),
    status=201,
)

open_portal_image = contract.query(
    "open_portal_image",
    "The bytes of an image of a portal. Log-in pages show it, so everybody may see it.",
    request={"organisation": Code(required=True), "image_id": Id(required=True)},
    reply=ImageReference,
    access=PUBLIC,
    errors=("not_found",),
)
