"""Routes of identity: what is kept about one person."""

from gateway.routes import Route
from services.contracts.identity import personal_data as api

ROUTES = (
    Route("POST", "/v1/people/{person_id}/exports", api.export_person),
    Route("POST", "/v1/people/{person_id}/erasures", api.erase_person),
    Route("GET", "/v1/people/{person_id}/data-jobs", api.list_personal_data_jobs),
    Route("GET", "/v1/data-jobs/{job_id}", api.get_personal_data_job),
    Route(
        "GET",
        "/v1/data-jobs/{job_id}/file",
        api.download_person_export,
        downloads="application/x-ndjson",
    ),
)
