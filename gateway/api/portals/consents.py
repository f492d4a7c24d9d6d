"""Routes of consents."""

from gateway.routes import Route
from services.contracts.portals import consents

ROUTES = (
    Route("GET", "/v1/consents", consents.list_consents),
    Route("POST", "/v1/consents", consents.create_consent),
    Route("GET", "/v1/consents/{consent_id}", consents.get_consent),
    Route("PUT", "/v1/consents/{consent_id}/text", consents.renew_consent_text),
    Route("POST", "/v1/consents/{consent_id}/retire", consents.retire_consent),
    Route("GET", "/v1/portals/{portal}/consents", consents.get_required_consents),
    Route("PUT", "/v1/portals/{portal}/consents", consents.require_consents),
    Route("GET", "/v1/me/consents", consents.list_my_consents),
    Route("POST", "/v1/me/consents/{consent_id}/answer", consents.sign_consent),
    Route("POST", "/v1/me/consents/{consent_id}/withdraw", consents.withdraw_consent),
    Route("GET", "/v1/me/signed-consents", consents.list_my_signed_consents),
    Route("GET", "/v1/people/{person_id}/signed-consents", consents.list_signed_consents),
    Route("GET", "/v1/people/{person_id}/consents/fhir", consents.export_consents_fhir),
)
