"""Routes of bulk exports, as FHIR's Bulk Data Access guide has them."""

from gateway.routes import Route
from services.contracts.referrals import fhir_exports

_STATUS = "/fhir/R4/$export/{fhir_export_id}"
ROUTES = (
    Route("GET", "/fhir/R4/$export", fhir_exports.export_fhir, is_fhir=True),
    Route("GET", _STATUS, fhir_exports.get_fhir_export, is_fhir=True),
    Route("DELETE", _STATUS, fhir_exports.cancel_fhir_export, is_fhir=True),
    Route(
        "GET",
        f"{_STATUS}/{{file_name}}",
        fhir_exports.download_fhir_export_file,
        is_fhir=True,
        downloads=fhir_exports.MEDIA_TYPE,
    ),
)
