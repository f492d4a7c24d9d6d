"""Routes of messages between staff and the people of portals."""

from gateway.routes import Route
from services.contracts.portals import messages

ROUTES = (
    Route("GET", "/v1/people/{person_id}/messages", messages.list_correspondence),
    Route("POST", "/v1/people/{person_id}/messages", messages.start_message),
)
