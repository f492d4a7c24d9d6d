"""Routes of the resource directory."""

from gateway.routes import Route
from services.contracts import referrals as base
from services.contracts import referrals_directory as api

ROUTES = (
    Route("POST", "/v1/directory/imports", base.import_directory, uploads="document"),
    Route("GET", "/v1/directory/imports", api.list_directory_imports),
    Route("GET", "/v1/directory/imports/{import_id}", api.get_directory_import),
    Route("POST", "/v1/directory/exports", api.export_directory),
    Route("GET", "/v1/directory/exports/{export_id}", api.get_directory_export),
    Route("GET", "/v1/directory/exports/{export_id}/file", api.download_directory_export, downloads=True),
    Route("GET", "/v1/directory/resources", base.search_resources),
    Route("POST", "/v1/directory/resources", api.create_resource),
    Route("GET", "/v1/directory/resources/{resource_id}", base.get_resource),
    Route("PATCH", "/v1/directory/resources/{resource_id}", api.edit_resource),
    Route("PUT", "/v1/directory/resources/{resource_id}/status", api.set_resource_status),
    Route("PUT", "/v1/directory/resources/{resource_id}/temporary-message", api.set_temporary_message),
    Route("GET", "/v1/directory/list", api.list_resources),
    Route("GET", "/v1/hsds/services", api.list_hsds_services),
    Route("GET", "/v1/hsds/services/{service_id}", api.get_hsds_service),
    Route("GET", "/v1/hsds/organizations", api.list_hsds_organizations),
)
