"""Routes of suppressed addresses."""

from gateway.routes import Route
from services.contracts.notifications import suppressed_addresses

_LIST = "/v1/suppressed-addresses"

ROUTES = (
    Route("GET", _LIST, suppressed_addresses.list_suppressed_addresses),
    Route("DELETE", f"{_LIST}/{{suppressed_address_id}}", suppressed_addresses.remove_suppressed_address),
    Route("GET", "/v1/me/mailbox", suppressed_addresses.get_my_mailbox),
)
