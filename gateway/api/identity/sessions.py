"""Routes of identity: sessions."""

from gateway.routes import Route
from services.contracts.identity import sessions as api

ROUTES = (
    Route("DELETE", "/v1/sessions/current", api.log_out, cookie="taken"),
    Route("GET", "/v1/me/sessions", api.list_my_sessions),
    Route("DELETE", "/v1/me/sessions/{session_id}", api.end_my_session),
    Route("POST", "/v1/me/sessions/end-others", api.end_my_other_sessions),
    Route("GET", "/v1/accounts/{account_id}/sessions", api.list_account_sessions),
    Route("POST", "/v1/accounts/{account_id}/sessions/end", api.end_account_sessions),
)
