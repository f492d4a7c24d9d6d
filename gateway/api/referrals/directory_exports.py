"""Routes of exports of the resource directory."""

from gateway.routes import Route
from services.contracts.referrals import directory_exports

ROUTES = (
    Route("POST", "/v1/directory/exports", directory_exports.export_directory),
    Route("GET", "/v1/directory/exports/{export_id}", directory_exports.get_directory_export),
    Route(
        "GET",
        "/v1/directory/exports/{export_id}/file",
        directory_exports.download_directory_export,
        downloads="application/json",
    ),
)
