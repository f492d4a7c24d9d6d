"""Routes of saved replies."""

from gateway.routes import Route
from services.contracts.portals import saved_replies

_ONE = "/v1/saved-replies/{saved_reply_id}"

ROUTES = (
    Route("GET", "/v1/saved-replies", saved_replies.list_saved_replies),
    Route("POST", "/v1/saved-replies", saved_replies.create_saved_reply),
    Route("GET", _ONE, saved_replies.get_saved_reply),
    Route("PUT", _ONE, saved_replies.change_saved_reply),
    Route("DELETE", _ONE, saved_replies.delete_saved_reply),
)
