"""Routes of referrals."""

from gateway.routes import Route
from services.contracts import referrals as api
from services.contracts import referrals_assignments as life
from services.contracts import referrals_queues as queues
from services.contracts import referrals_records as records

ROUTES = (
    Route("GET", "/v1/queues", api.list_queues),
    Route("POST", "/v1/queues", api.create_queue),
    Route("GET", "/v1/queues/{queue_id}", api.get_queue),
    Route("PATCH", "/v1/queues/{queue_id}", queues.edit_queue),
    Route("POST", "/v1/queues/{queue_id}/deactivation", queues.deactivate_queue),
    Route("POST", "/v1/queues/{queue_id}/reactivation", queues.reactivate_queue),
    Route("PUT", "/v1/queues/{queue_id}/programs/{program_id}", api.add_program_to_queue),
    Route("DELETE", "/v1/queues/{queue_id}/programs/{program_id}", queues.remove_program_from_queue),
    Route("POST", "/v1/contact-records", api.create_contact_record),
    Route("POST", "/v1/contact-records/search", records.search_contact_records),
    Route("POST", "/v1/intakes", records.create_intake),
    Route("GET", "/v1/contact-records/{contact_record_id}", api.get_contact_record),
    Route("PATCH", "/v1/contact-records/{contact_record_id}", records.edit_contact_record),
    Route("GET", "/v1/contact-records/{contact_record_id}/changes", records.list_contact_record_changes),
    Route(
        "GET",
        "/v1/contact-records/{contact_record_id}/pdf",
        records.create_contact_record_pdf,
        downloads=True,
    ),
    Route("GET", "/v1/referrals/{referral_id}/pdf", records.create_referral_pdf, downloads=True),
    Route("GET", "/v1/referrals", api.list_referrals),
    Route("POST", "/v1/referrals", api.assign_referral),
    Route("GET", "/v1/referrals/{referral_id}", api.get_referral),
    Route("GET", "/v1/referrals/{referral_id}/history", api.list_referral_history),
    Route("PUT", "/v1/referrals/{referral_id}/status", api.change_status),
    Route("POST", "/v1/referrals/{referral_id}/acceptance", life.accept_referral),
    Route("POST", "/v1/referrals/{referral_id}/new-offer", life.unaccept_referral),
    Route("POST", "/v1/referrals/{referral_id}/decline", life.decline_referral),
    Route("POST", "/v1/referrals/{referral_id}/withdrawal", life.withdraw_referral),
    Route("POST", "/v1/referrals/{referral_id}/reassignment", life.reassign_referral),
    Route("PUT", "/v1/referrals/{referral_id}/priority", life.change_priority),
    Route("GET", "/v1/referrals/{referral_id}/notes", life.list_referral_notes),
    Route("POST", "/v1/referrals/{referral_id}/notes", life.add_referral_note),
)
