"""Routes of a referral's progress: status, answers, withdrawal, reassignment."""

from gateway.routes import Route
from services.contracts.referrals import status_changes

ROUTES = (
    Route("PUT", "/v1/referrals/{referral_id}/status", status_changes.change_status),
    Route("GET", "/v1/referrals/{referral_id}/answer-form", status_changes.get_answer_form),
    Route("POST", "/v1/referrals/{referral_id}/acceptance", status_changes.accept_referral),
    Route("POST", "/v1/referrals/{referral_id}/new-offer", status_changes.unaccept_referral),
    Route("POST", "/v1/referrals/{referral_id}/decline", status_changes.decline_referral),
    Route("POST", "/v1/referrals/{referral_id}/withdrawal", status_changes.withdraw_referral),
    Route("POST", "/v1/referrals/{referral_id}/reassignment", status_changes.reassign_referral),
)
