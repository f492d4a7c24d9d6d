"""Routes of referrals: assigning, reading, notes, priority."""

from gateway.routes import Route
from services.contracts.referrals import assignments

ROUTES = (
    Route("GET", "/v1/referrals", assignments.list_referrals),
    Route("POST", "/v1/referrals", assignments.assign_referral),
    Route("GET", "/v1/referrals/{referral_id}", assignments.get_referral),
    Route("GET", "/v1/referrals/{referral_id}/history", assignments.list_referral_history),
    Route("PUT", "/v1/referrals/{referral_id}/priority", assignments.change_priority),
    Route("GET", "/v1/referrals/{referral_id}/notes", assignments.list_referral_notes),
    Route("POST", "/v1/referrals/{referral_id}/notes", assignments.add_referral_note),
)
