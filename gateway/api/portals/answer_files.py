"""Routes of files as answers."""

from gateway.routes import Route
from services.contracts.portals import answer_files

_MINE = "/v1/me/questionnaire-responses/{response_id}/files/{question}"
_ANY = "application/octet-stream"

ROUTES = (
    Route("GET", _MINE, answer_files.get_my_file_question),
    Route("POST", _MINE, answer_files.add_answer_file, uploads="document"),
    Route("DELETE", _MINE, answer_files.remove_answer_file),
    Route("GET", f"{_MINE}/file", answer_files.open_my_answer_file, downloads=_ANY),
    Route(
        "GET",
        "/v1/questionnaire-responses/{response_id}/files/{question}",
        answer_files.open_answer_file,
        downloads=_ANY,
    ),
    Route(
        "GET", "/v1/me/reviews/{response_id}/files/{question}", answer_files.open_review_file, downloads=_ANY
    ),
)
