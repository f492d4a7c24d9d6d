"""Routes of identity: sessions, second factors, API clients, links that no longer hold."""

from gateway.routes import Route
from services.contracts import identity_access as api

ROUTES = (
    Route("POST", "/v1/sessions/second-factor", api.complete_log_in, cookie="given"),
    Route("POST", "/v1/sessions/enrolment", api.start_second_factor_at_log_in),
    Route("POST", "/v1/sessions/current/proof", api.prove_myself),
    Route("GET", "/v1/me/sessions", api.list_my_sessions),
    Route("DELETE", "/v1/me/sessions/{session_id}", api.end_my_session),
    Route("POST", "/v1/me/sessions/end-others", api.end_my_other_sessions),
    Route("POST", "/v1/me/password", api.change_my_password),
    Route("GET", "/v1/me/second-factor", api.get_my_second_factor),
    Route("POST", "/v1/me/second-factor", api.start_second_factor),
    Route("POST", "/v1/me/second-factor/confirmation", api.confirm_second_factor),
    Route("POST", "/v1/me/second-factor/recovery-codes", api.renew_recovery_codes),
    Route("DELETE", "/v1/me/second-factor", api.remove_second_factor),
    Route("GET", "/v1/accounts/{account_id}/sessions", api.list_account_sessions),
    Route("POST", "/v1/accounts/{account_id}/sessions/end", api.end_account_sessions),
    Route("POST", "/v1/accounts/{account_id}/second-factor/reset", api.reset_second_factor),
    Route("PUT", "/v1/security-levels/{security_level}/second-factor", api.set_role_second_factor),
    Route("POST", "/v1/api-sessions", api.open_api_session),
    Route("GET", "/v1/api-clients", api.list_api_clients),
    Route("POST", "/v1/api-clients", api.create_api_client),
    Route("PUT", "/v1/api-clients/{client_id}", api.change_api_client),
    Route("POST", "/v1/api-clients/{client_id}/secrets", api.rotate_api_secret),
    Route("POST", "/v1/api-clients/{client_id}/revoke", api.revoke_api_client),
    Route("POST", "/v1/credentials/links/renew", api.request_new_link),
)
