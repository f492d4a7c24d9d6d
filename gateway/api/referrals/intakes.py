"""Routes of intakes: a contact record and its first referral."""

from gateway.routes import Route
from services.contracts.referrals import intakes

ROUTES = (Route("POST", "/v1/intakes", intakes.create_intake),)
