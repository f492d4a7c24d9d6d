"""Routes of bulk changes to contact records and referrals."""

from gateway.routes import Route
from services.contracts.referrals import bulk

ROUTES = (
    Route("POST", "/v1/bulk-jobs/assignment", bulk.start_bulk_assignment),
    Route("POST", "/v1/bulk-jobs/status-change", bulk.start_bulk_status_change),
    Route("POST", "/v1/bulk-jobs/reassignment", bulk.start_bulk_reassignment),
    Route("GET", "/v1/bulk-jobs", bulk.list_bulk_jobs),
    Route("GET", "/v1/bulk-jobs/{bulk_job_id}", bulk.get_bulk_job),
    Route("GET", "/v1/bulk-jobs/{bulk_job_id}/lines", bulk.list_bulk_job_lines),
    Route("POST", "/v1/bulk-jobs/{bulk_job_id}/cancellation", bulk.cancel_bulk_job),
)
