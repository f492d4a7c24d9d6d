"""Routes of signed decisions."""

from gateway.routes import Route
from services.contracts.signing import decisions

ROUTES = (
    Route("GET", "/v1/me/decisions", decisions.list_my_decisions),
    Route(
        "GET", "/v1/decisions/{decision_id}/file", decisions.open_decision_file, downloads="application/json"
    ),
)
