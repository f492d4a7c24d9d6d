"""Routes of the caller's own number for text messages."""

from gateway.routes import Route
from services.contracts.notifications import text_numbers

ROUTES = (
    Route("GET", "/v1/me/text-number", text_numbers.get_my_text_number),
    Route("PUT", "/v1/me/text-number", text_numbers.enter_my_text_number),
    Route("POST", "/v1/me/text-number/confirmation", text_numbers.confirm_my_text_number),
    Route("DELETE", "/v1/me/text-number", text_numbers.remove_my_text_number),
)
