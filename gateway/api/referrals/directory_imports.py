"""Routes of imports of a resource directory."""

from gateway.routes import Route
from services.contracts.referrals import directory_imports

ROUTES = (
    Route("POST", "/v1/directory/imports", directory_imports.import_directory, uploads="document"),
    Route("GET", "/v1/directory/imports", directory_imports.list_directory_imports),
    Route("GET", "/v1/directory/imports/{import_id}", directory_imports.get_directory_import),
    Route("POST", "/v1/directory/imports/{import_id}/application", directory_imports.apply_directory_import),
)
