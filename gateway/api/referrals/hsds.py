"""Routes of the resource directory in HSDS 3.1."""

from gateway.routes import Route
from services.contracts.referrals import hsds

ROUTES = (
    Route("GET", "/v1/hsds/services", hsds.list_hsds_services, has_ndjson=True),
    Route("GET", "/v1/hsds/services/{service_id}", hsds.get_hsds_service),
    Route("GET", "/v1/hsds/organizations", hsds.list_hsds_organizations, has_ndjson=True),
    Route("GET", "/v1/hsds/organizations/{organization_id}", hsds.get_hsds_organization),
    Route("GET", "/v1/hsds/service_at_locations", hsds.list_hsds_service_at_locations, has_ndjson=True),
    Route("GET", "/v1/hsds/service_at_locations/{service_at_location_id}", hsds.get_hsds_service_at_location),
    Route("GET", "/v1/hsds/taxonomies", hsds.list_hsds_taxonomies, has_ndjson=True),
    Route("GET", "/v1/hsds/taxonomies/{taxonomy_id}", hsds.get_hsds_taxonomy),
    Route("GET", "/v1/hsds/taxonomy_terms", hsds.list_hsds_taxonomy_terms, has_ndjson=True),
    Route("GET", "/v1/hsds/taxonomy_terms/{taxonomy_term_id}", hsds.get_hsds_taxonomy_term),
)
