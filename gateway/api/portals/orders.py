"""Routes of orders."""

from gateway.routes import Route
from services.contracts.portals import orders

ROUTES = (
    Route("GET", "/v1/order-items", orders.list_order_items),
    Route("POST", "/v1/order-items", orders.create_order_item),
    Route("PUT", "/v1/order-items/{order_item_id}", orders.change_order_item),
    Route("GET", "/v1/my-order-items", orders.list_offered_orders),
    Route("GET", "/v1/my-orders", orders.list_my_orders),
    Route("POST", "/v1/my-orders", orders.place_order),
)
