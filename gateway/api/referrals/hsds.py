"""Routes of the resource directory in HSDS 3.1."""

from gateway.routes import Route
from services.contracts.referrals import hsds

ROUTES = (
    Route("GET", "/v1/hsds/services", hsds.list_hsds_services),
    Route("GET", "/v1/hsds/services/{service_id}", hsds.get_hsds_service),
    Route("GET", "/v1/hsds/organizations", hsds.list_hsds_organizations),
    Route("GET", "/v1/hsds/organizations/{organization_id}", hsds.get_hsds_organization),
)
