"""Routes of referrals."""

from gateway.routes import Route
from services.contracts import referrals as api

ROUTES = (
    Route("POST", "/v1/directory/imports", api.import_directory, uploads="document"),
    Route("GET", "/v1/directory/resources", api.search_resources),
    Route("GET", "/v1/directory/resources/{resource_id}", api.get_resource),
    Route("GET", "/v1/queues", api.list_queues),
    Route("POST", "/v1/queues", api.create_queue),
    Route("GET", "/v1/queues/{queue_id}", api.get_queue),
    Route("PUT", "/v1/queues/{queue_id}/programs/{program_id}", api.add_program_to_queue),
    Route("GET", "/v1/capacities", api.list_capacities),
    Route("GET", "/v1/programs/{program_id}/capacity", api.get_capacity),
    Route("PUT", "/v1/programs/{program_id}/capacity", api.set_capacity),
    Route("POST", "/v1/contact-records", api.create_contact_record),
    Route("GET", "/v1/contact-records/{contact_record_id}", api.get_contact_record),
    Route("GET", "/v1/referrals", api.list_referrals),
    Route("POST", "/v1/referrals", api.assign_referral),
    Route("GET", "/v1/referrals/{referral_id}", api.get_referral),
    Route("GET", "/v1/referrals/{referral_id}/history", api.list_referral_history),
    Route("PUT", "/v1/referrals/{referral_id}/status", api.change_status),
)
