"""Routes of offers to several programs, and of work on many at once."""

from gateway.routes import Route
from services.contracts import referrals_bulk as bulk
from services.contracts import referrals_offers as api

ROUTES = (
    Route("POST", "/v1/offers", api.create_offer),
    Route("GET", "/v1/offers", api.list_offers),
    Route("GET", "/v1/offers/{offer_id}", api.get_offer),
    Route("POST", "/v1/offers/{offer_id}/withdrawal", api.withdraw_offer),
    Route("POST", "/v1/bulk-jobs/assignment", bulk.start_bulk_assignment),
    Route("POST", "/v1/bulk-jobs/status-change", bulk.start_bulk_status_change),
    Route("POST", "/v1/bulk-jobs/reassignment", bulk.start_bulk_reassignment),
    Route("GET", "/v1/bulk-jobs", bulk.list_bulk_jobs),
    Route("GET", "/v1/bulk-jobs/{bulk_job_id}", bulk.get_bulk_job),
    Route("GET", "/v1/bulk-jobs/{bulk_job_id}/lines", bulk.list_bulk_job_lines),
    Route("POST", "/v1/bulk-jobs/{bulk_job_id}/cancellation", bulk.cancel_bulk_job),
)
