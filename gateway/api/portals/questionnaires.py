"""Routes of questionnaires."""

from gateway.routes import Route
from services.contracts.portals import questionnaires

_ONE = "/v1/questionnaires/{questionnaire_id}"

ROUTES = (
    Route("GET", "/v1/questionnaires", questionnaires.list_questionnaires),
    Route("POST", "/v1/questionnaires", questionnaires.create_questionnaire),
    Route("POST", "/v1/questionnaires/fhir", questionnaires.import_questionnaire),
    Route("GET", _ONE, questionnaires.get_questionnaire),
    Route("PATCH", _ONE, questionnaires.change_questionnaire),
    Route("GET", f"{_ONE}/fhir", questionnaires.export_questionnaire),
    Route("PUT", f"{_ONE}/items", questionnaires.replace_questionnaire_items),
    Route("POST", f"{_ONE}/items", questionnaires.add_questionnaire_item),
    Route("POST", f"{_ONE}/items/change", questionnaires.change_questionnaire_item),
    Route("POST", f"{_ONE}/items/move", questionnaires.move_questionnaire_item),
    Route("POST", f"{_ONE}/items/remove", questionnaires.remove_questionnaire_item),
    Route("POST", f"{_ONE}/publish", questionnaires.publish_questionnaire),
    Route("POST", f"{_ONE}/retire", questionnaires.retire_questionnaire),
    Route("GET", f"{_ONE}/versions/{{number}}", questionnaires.get_questionnaire_version),
    Route("GET", "/v1/portals/{portal}/questionnaires", questionnaires.get_offered_questionnaires),
    Route("PUT", "/v1/portals/{portal}/questionnaires", questionnaires.offer_questionnaires),
)
