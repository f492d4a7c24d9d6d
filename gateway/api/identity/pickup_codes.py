"""Routes of identity: pick-up codes."""

from gateway.routes import Route
from services.contracts.identity import pickup_codes as api

ROUTES = (
    Route("POST", "/v1/people/{person_id}/pickup-codes", api.create_pickup_code),
    Route("POST", "/v1/people/{person_id}/pickup-codes/sent", api.send_pickup_code),
    Route("POST", "/v1/pickup-codes/sent", api.send_pickup_codes),
    Route("GET", "/v1/pickup-codes", api.list_pickup_codes),
    Route("POST", "/v1/pickup-codes/redeem", api.redeem_pickup_code),
)
