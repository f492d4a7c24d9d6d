"""Routes of unsubscribe links. What mail programs call is the page (`gateway/web/unsubscribe.py`)."""

from gateway.routes import Route
from services.contracts.notifications import unsubscribe_links

ROUTES = (
    Route("POST", "/v1/unsubscribe-links/inspect", unsubscribe_links.inspect_unsubscribe_link),
    Route("POST", "/v1/unsubscribe-links/use", unsubscribe_links.unsubscribe),
)
