"""Routes of deliveries."""

from gateway.routes import Route
from services.contracts.notifications import deliveries

ROUTES = (
    Route("GET", "/v1/deliveries", deliveries.list_deliveries),
    Route("GET", "/v1/deliveries/{delivery_id}", deliveries.get_delivery),
    Route("POST", "/v1/deliveries/{delivery_id}/cancel", deliveries.cancel_delivery),
)
