"""Routes of the images of portals."""

from gateway.routes import Route
from services.contracts.portals import images

ROUTES = (
    Route("GET", "/v1/portals/{portal}/images", images.list_portal_images),
    Route("POST", "/v1/portals/{portal}/images", images.upload_portal_image, uploads="document"),
    Route("POST", "/v1/portals/{portal}/stock-images", images.use_stock_image),
    Route(
        "GET",
        "/v1/public/{organisation}/portal-images/{image_id}",
        images.open_portal_image,
        downloads="image/*",
    ),
)
