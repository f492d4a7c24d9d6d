"""Routes of appointments, for the people of portals."""

from gateway.routes import Route
from services.contracts.portals import my_appointments

ROUTES = (
    Route("GET", "/v1/me/appointments", my_appointments.list_my_appointments),
    Route("POST", "/v1/me/appointments", my_appointments.book_my_appointment),
    Route("GET", "/v1/me/appointments/scheduling", my_appointments.get_my_scheduling),
    Route("GET", "/v1/me/appointments/free", my_appointments.list_my_free_times),
    Route("GET", "/v1/me/appointments/{appointment_id}", my_appointments.get_my_appointment),
    Route(
        "GET",
        "/v1/me/appointments/{appointment_id}/confirmation",
        my_appointments.get_appointment_to_confirm,
    ),
    Route(
        "POST", "/v1/me/appointments/{appointment_id}/confirmation", my_appointments.confirm_my_appointment
    ),
    Route("POST", "/v1/me/appointments/{appointment_id}/move", my_appointments.move_my_appointment),
    Route("POST", "/v1/me/appointments/{appointment_id}/cancel", my_appointments.cancel_my_appointment),
)
