"""Routes of the caller's own preferences about messages."""

from gateway.routes import Route
from services.contracts.notifications import preferences

ROUTES = (
    Route("GET", "/v1/me/message-preferences", preferences.get_my_message_preferences),
    Route("PUT", "/v1/me/message-preferences", preferences.set_my_message_preferences),
)
