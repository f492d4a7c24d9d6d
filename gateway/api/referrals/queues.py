"""Routes of ReferralQs."""

from gateway.routes import Route
from services.contracts.referrals import queues

ROUTES = (
    Route("GET", "/v1/queues", queues.list_queues),
    Route("POST", "/v1/queues", queues.create_queue),
    Route("GET", "/v1/queues/{queue_id}", queues.get_queue),
    Route("PATCH", "/v1/queues/{queue_id}", queues.edit_queue),
    Route("POST", "/v1/queues/{queue_id}/deactivation", queues.deactivate_queue),
    Route("POST", "/v1/queues/{queue_id}/reactivation", queues.reactivate_queue),
    Route("PUT", "/v1/queues/{queue_id}/programs/{program_id}", queues.add_program_to_queue),
    Route("DELETE", "/v1/queues/{queue_id}/programs/{program_id}", queues.remove_program_from_queue),
)
