"""Routes of identity: who the caller is and what they may do."""

from gateway.routes import Route
from services.contracts.identity import passports as api

ROUTES = (
    Route("GET", "/v1/me", api.describe_me),
    Route("POST", "/v1/mail-links/inspect", api.inspect_mail_link),
)
