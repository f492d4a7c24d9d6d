"""Routes of the follow-up."""

from gateway.routes import Route
from services.contracts.signing import follow_up

ROUTES = (Route("POST", "/v1/documents/{document_id}/reminder", follow_up.remind_signer),)
