"""Routes of message types."""

from gateway.routes import Route
from services.contracts.portals import message_types

ROUTES = (
    Route("GET", "/v1/message-types", message_types.list_message_types),
    Route("POST", "/v1/message-types", message_types.create_message_type),
    Route("GET", "/v1/message-types/{code}", message_types.get_message_type),
    Route("PUT", "/v1/message-types/{code}", message_types.change_message_type),
    Route("GET", "/v1/portals/{portal}/message-types", message_types.get_portal_message_types),
    Route("PUT", "/v1/portals/{portal}/message-types", message_types.choose_portal_message_types),
)
