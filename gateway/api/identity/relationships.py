"""Routes of identity: relationships between accounts and people."""

from gateway.routes import Route
from services.contracts.identity import relationships as api

ROUTES = (
    Route("POST", "/v1/people/{person_id}/relationships", api.set_person_relationship),
    Route("POST", "/v1/accounts/{account_id}/relationships", api.set_account_relationship),
    Route("POST", "/v1/accounts/{account_id}/stand-ins", api.let_stand_in),
    Route("GET", "/v1/relationships", api.list_relationships),
    Route("POST", "/v1/relationships/{relationship_id}/end", api.end_relationship),
)
