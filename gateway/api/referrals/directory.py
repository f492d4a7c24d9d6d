"""Routes of the resource directory."""

from gateway.routes import Route
from services.contracts.referrals import directory

ROUTES = (
    Route("GET", "/v1/directory/resources", directory.search_resources),
    Route("POST", "/v1/directory/resources", directory.create_resource),
    Route("GET", "/v1/directory/resources/{resource_id}", directory.get_resource),
    Route("PATCH", "/v1/directory/resources/{resource_id}", directory.edit_resource),
    Route("DELETE", "/v1/directory/resources/{resource_id}", directory.retire_resource),
    Route("PUT", "/v1/directory/resources/{resource_id}/status", directory.set_resource_status),
    Route("PUT", "/v1/directory/resources/{resource_id}/temporary-message", directory.set_temporary_message),
    Route("GET", "/v1/directory/list", directory.list_resources),
)
