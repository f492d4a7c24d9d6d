"""Routes of identity: accounts, their resources, switches and invitations."""

from gateway.routes import Route
from services.contracts.identity import accounts as api

ROUTES = (
    Route("PUT", "/v1/me/notifications", api.set_my_notifications),
    Route("PUT", "/v1/me/preferences", api.set_my_preferences),
    Route("PUT", "/v1/me/shortcuts", api.set_my_shortcuts),
    Route("GET", "/v1/accounts", api.list_accounts),
    Route("POST", "/v1/accounts", api.create_account),
    Route("POST", "/v1/accounts/search", api.search_accounts),
    Route("POST", "/v1/signers/search", api.search_signers),
    Route("GET", "/v1/accounts/{account_id}", api.get_account),
    Route("PATCH", "/v1/accounts/{account_id}", api.edit_account),
    Route("PUT", "/v1/accounts/{account_id}/security-level", api.set_security_level),
    Route("POST", "/v1/accounts/{account_id}/disable", api.disable_account),
    Route("POST", "/v1/accounts/{account_id}/enable", api.enable_account),
    Route("POST", "/v1/accounts/{account_id}/resources", api.assign_resource),
    Route("DELETE", "/v1/accounts/{account_id}/resources/{assignment_id}", api.remove_resource),
    Route("PUT", "/v1/accounts/{account_id}/provider-switches", api.set_provider_switches),
    Route("POST", "/v1/accounts/{account_id}/invitations", api.invite_account),
)
