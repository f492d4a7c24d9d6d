"""Routes of the FHIR R4 view of portals."""

from gateway.routes import Route
from services.contracts.portals import fhir

ROUTES = (
    Route("GET", "/fhir/R4/Communication", fhir.fhir_search_communication, is_fhir=True),
    Route("POST", "/fhir/R4/Communication/_search", fhir.fhir_search_communication, is_fhir=True),
    Route("GET", "/fhir/R4/Communication/{resource_id}", fhir.fhir_read_communication, is_fhir=True),
    Route("GET", "/fhir/R4/CommunicationRequest", fhir.fhir_search_communication_request, is_fhir=True),
    Route(
        "POST", "/fhir/R4/CommunicationRequest/_search", fhir.fhir_search_communication_request, is_fhir=True
    ),
    Route(
        "GET",
        "/fhir/R4/CommunicationRequest/{resource_id}",
        fhir.fhir_read_communication_request,
        is_fhir=True,
    ),
    Route("GET", "/fhir/R4/Appointment", fhir.fhir_search_appointment, is_fhir=True),
    Route("POST", "/fhir/R4/Appointment/_search", fhir.fhir_search_appointment, is_fhir=True),
    Route("GET", "/fhir/R4/Appointment/{resource_id}", fhir.fhir_read_appointment, is_fhir=True),
    Route("GET", "/fhir/R4/Slot", fhir.fhir_search_slot, is_fhir=True),
    Route("POST", "/fhir/R4/Slot/_search", fhir.fhir_search_slot, is_fhir=True),
    Route("GET", "/fhir/R4/Slot/{resource_id}", fhir.fhir_read_slot, is_fhir=True),
    Route("GET", "/fhir/R4/Schedule", fhir.fhir_search_schedule, is_fhir=True),
    Route("POST", "/fhir/R4/Schedule/_search", fhir.fhir_search_schedule, is_fhir=True),
    Route("GET", "/fhir/R4/Schedule/{resource_id}", fhir.fhir_read_schedule, is_fhir=True),
)
