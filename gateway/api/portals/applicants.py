"""Routes of applications. A token is in the body, never in an address."""

from gateway.routes import Route
from services.contracts.portals import applicants

ROUTES = (
    Route("GET", "/v1/public/{organisation}/applicant-portals/{portal}", applicants.get_applicant_portal),
    Route("POST", "/v1/applications", applicants.start_application),
    Route("POST", "/v1/applications/own", applicants.get_application),
    Route("POST", "/v1/applications/responses", applicants.start_application_response),
    Route("POST", "/v1/applications/responses/{response_id}", applicants.get_application_response),
    Route("PATCH", "/v1/applications/responses/{response_id}", applicants.save_application_answers),
    Route("POST", "/v1/applications/send", applicants.send_application),
    Route("POST", "/v1/applications/end", applicants.end_application),
)
