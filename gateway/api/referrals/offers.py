"""Routes of offers to several programs."""

from gateway.routes import Route
from services.contracts.referrals import offers

ROUTES = (
    Route("POST", "/v1/offers", offers.create_offer),
    Route("GET", "/v1/offers", offers.list_offers),
    Route("GET", "/v1/offers/{offer_id}", offers.get_offer),
    Route("POST", "/v1/offers/{offer_id}/withdrawal", offers.withdraw_offer),
)
