"""Routes of answers."""

from gateway.routes import Route
from services.contracts.portals import responses

_MINE = "/v1/me/questionnaire-responses"
_ONE = "/v1/questionnaire-responses/{response_id}"

ROUTES = (
    Route("GET", "/v1/me/questionnaires", responses.list_my_questionnaires),
    Route("GET", _MINE, responses.list_my_responses),
    Route("POST", _MINE, responses.start_response),
    Route("GET", f"{_MINE}/{{response_id}}", responses.get_my_response),
    Route("PATCH", f"{_MINE}/{{response_id}}", responses.save_answers),
    Route("DELETE", f"{_MINE}/{{response_id}}", responses.discard_response),
    Route("POST", f"{_MINE}/{{response_id}}/submit", responses.submit_response),
    Route("GET", "/v1/people/{person_id}/questionnaire-responses", responses.list_responses),
    Route("GET", _ONE, responses.get_response),
    Route("GET", f"{_ONE}/fhir", responses.export_response),
    Route("GET", f"{_ONE}/observations", responses.get_observations),
    Route("GET", "/v1/me/reviews", responses.list_reviews),
    Route("GET", "/v1/me/reviews/{response_id}", responses.get_review),
    Route("POST", "/v1/me/reviews/{response_id}/reviewed", responses.mark_reviewed),
    Route("GET", "/v1/answer-notices", responses.list_answer_notices),
    Route("POST", "/v1/answer-notices/{answer_notice_id}/close", responses.close_answer_notice),
)
