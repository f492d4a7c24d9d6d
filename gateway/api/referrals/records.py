"""Routes of contact records."""

from gateway.routes import Route
from services.contracts.referrals import records

ROUTES = (
    Route("POST", "/v1/contact-records", records.create_contact_record),
    Route("POST", "/v1/contact-records/search", records.search_contact_records),
    Route("GET", "/v1/contact-records/{contact_record_id}", records.get_contact_record),
    Route("PATCH", "/v1/contact-records/{contact_record_id}", records.edit_contact_record),
    Route("GET", "/v1/contact-records/{contact_record_id}/changes", records.list_contact_record_changes),
    Route(
        "GET",
        "/v1/contact-records/{contact_record_id}/possible-duplicates",
        records.list_possible_duplicates,
    ),
    Route(
        "GET",
        "/v1/contact-records/{contact_record_id}/pdf",
        records.create_contact_record_pdf,
        downloads="application/pdf",
    ),
    Route("GET", "/v1/referrals/{referral_id}/pdf", records.create_referral_pdf, downloads="application/pdf"),
)
