"""Routes of identity: links that set a password, and the password of the caller."""

from gateway.routes import Route
from services.contracts.identity import credentials as api

ROUTES = (
    Route("POST", "/v1/credentials/resets", api.request_password_reset),
    Route("POST", "/v1/credentials/links/inspect", api.inspect_credential_link),
    Route("POST", "/v1/credentials/links/redeem", api.redeem_credential_link),
    Route("POST", "/v1/me/password", api.change_my_password),
    Route("POST", "/v1/credentials/links/renew", api.request_new_link),
)
