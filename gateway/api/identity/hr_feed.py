"""Routes of identity: the HR feed."""

from gateway.routes import Route
from services.contracts.identity import hr_feed as api

ROUTES = (
    Route("POST", "/v1/hr-imports", api.upload_hr_feed, uploads="document"),
    Route("GET", "/v1/hr-imports", api.list_hr_imports),
    Route("GET", "/v1/hr-imports/{import_id}", api.get_hr_import),
    Route("GET", "/v1/hr-imports/{import_id}/lines", api.list_hr_import_lines),
    Route("POST", "/v1/hr-imports/{import_id}/apply", api.apply_hr_import),
)
