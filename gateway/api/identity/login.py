"""Routes of identity: log-in and fresh proofs."""

from gateway.routes import Route
from services.contracts.identity import login as api

ROUTES = (
    Route("POST", "/v1/sessions", api.log_in, cookie="given"),
    Route("POST", "/v1/sessions/second-factor", api.complete_log_in, cookie="given"),
    Route("POST", "/v1/sessions/enrolment", api.start_second_factor_at_log_in),
    Route("POST", "/v1/sessions/current/proof", api.prove_myself),
)
