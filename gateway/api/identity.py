"""Routes of identity."""

from gateway.routes import Route
from services.contracts import identity as api

ROUTES = (
    Route("POST", "/v1/sessions", api.log_in, cookie="given"),
    Route("DELETE", "/v1/sessions/current", api.log_out, cookie="taken"),
    Route("GET", "/v1/me", api.describe_me),
    Route("PUT", "/v1/me/notifications", api.set_my_notifications),
    Route("GET", "/v1/organisation", api.get_organisation),
    Route("PUT", "/v1/organisation/features", api.set_features),
    Route("GET", "/v1/accounts", api.list_accounts),
    Route("POST", "/v1/accounts", api.create_account),
    Route("GET", "/v1/accounts/{account_id}", api.get_account),
    Route("PUT", "/v1/accounts/{account_id}/security-level", api.set_security_level),
    Route("POST", "/v1/accounts/{account_id}/disable", api.disable_account),
    Route("POST", "/v1/accounts/{account_id}/enable", api.enable_account),
    Route("POST", "/v1/accounts/{account_id}/resources", api.assign_resource),
    Route("DELETE", "/v1/accounts/{account_id}/resources/{assignment_id}", api.remove_resource),
    Route("PUT", "/v1/accounts/{account_id}/provider-switches", api.set_provider_switches),
    Route("POST", "/v1/accounts/{account_id}/invitations", api.invite_account),
    Route("POST", "/v1/credentials/resets", api.request_password_reset),
    Route("POST", "/v1/credentials/links/inspect", api.inspect_credential_link),
    Route("POST", "/v1/credentials/links/redeem", api.redeem_credential_link),
)
