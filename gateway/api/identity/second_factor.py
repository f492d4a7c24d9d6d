"""Routes of identity: second factors."""

from gateway.routes import Route
from services.contracts.identity import second_factor as api

ROUTES = (
    Route("GET", "/v1/me/second-factor", api.get_my_second_factor),
    Route("POST", "/v1/me/second-factor", api.start_second_factor),
    Route("POST", "/v1/me/second-factor/confirmation", api.confirm_second_factor),
    Route("POST", "/v1/me/second-factor/recovery-codes", api.renew_recovery_codes),
    Route("DELETE", "/v1/me/second-factor", api.remove_second_factor),
    Route("POST", "/v1/accounts/{account_id}/second-factor/reset", api.reset_second_factor),
    Route("PUT", "/v1/security-levels/{security_level}/second-factor", api.set_role_second_factor),
)
