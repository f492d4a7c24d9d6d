"""Routes of appointments, for staff."""

from gateway.routes import Route
from services.contracts.portals import appointments

ROUTES = (
    Route("GET", "/v1/appointments", appointments.list_appointments),
    Route("POST", "/v1/appointments", appointments.book_appointment),
    Route("GET", "/v1/appointments/free", appointments.list_free_times),
    Route("GET", "/v1/appointments/{appointment_id}", appointments.get_appointment),
    Route("POST", "/v1/appointments/{appointment_id}/move", appointments.move_appointment),
    Route("POST", "/v1/appointments/{appointment_id}/cancel", appointments.cancel_appointment),
    Route("POST", "/v1/appointments/{appointment_id}/close", appointments.close_appointment),
    Route("GET", "/v1/people/{person_id}/appointments", appointments.list_person_appointments),
)
