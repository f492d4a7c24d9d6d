"""Routes of identity: outside OpenID Connect providers. gateway.web.outside_sign_in has the addresses that browsers visit."""

from gateway.routes import Route
from services.contracts.identity import outside as api

_PROVIDER = "/v1/realms/{realm}/identity-provider"
_SIGN_IN = "/v1/sign-in/{organisation}/{realm}"
_IDENTITIES = "/v1/accounts/{account_id}/outside-identities"

ROUTES = (
    Route("GET", "/v1/identity-providers", api.list_identity_providers),
    Route("GET", _PROVIDER, api.get_identity_provider),
    Route("POST", _PROVIDER, api.create_identity_provider),
    Route("PUT", _PROVIDER, api.change_identity_provider),
    Route("DELETE", _PROVIDER, api.delete_identity_provider),
    Route("GET", f"{_PROVIDER}/check", api.check_identity_provider),
    Route("GET", _SIGN_IN, api.list_sign_in_options),
    Route("POST", _SIGN_IN, api.start_outside_sign_in, cookie="begun"),
    Route("POST", f"{_SIGN_IN}/completion", api.complete_outside_sign_in),
    Route("POST", "/v1/sessions/current/sign-out", api.sign_out, cookie="taken"),
    Route("GET", "/v1/me/outside-identities", api.list_my_outside_identities),
    Route("POST", "/v1/me/outside-identities", api.start_outside_link, cookie="begun"),
    Route("DELETE", "/v1/me/outside-identities/{identity_id}", api.unlink_my_outside_identity),
    Route("POST", "/v1/sessions/current/outside-proof", api.start_outside_proof, cookie="begun"),
    Route("GET", _IDENTITIES, api.list_account_outside_identities),
    Route("POST", _IDENTITIES, api.link_account_outside_identity),
    Route("DELETE", _IDENTITIES + "/{identity_id}", api.unlink_account_outside_identity),
)
