"""Routes of requests for appointments."""

from gateway.routes import Route
from services.contracts.portals import appointment_requests as requests

ROUTES = (
    Route("GET", "/v1/me/appointment-requests", requests.list_my_appointment_requests),
    Route("POST", "/v1/me/appointment-requests", requests.request_my_appointment),
    Route(
        "POST",
        "/v1/me/appointment-requests/{request_id}/withdraw",
        requests.withdraw_my_appointment_request,
    ),
    Route("GET", "/v1/me/employees/{person_id}/scheduling", requests.get_employee_scheduling),
    Route("POST", "/v1/me/employees/{person_id}/appointment-requests", requests.request_employee_appointment),
    Route("GET", "/v1/appointment-requests", requests.list_appointment_requests),
    Route("GET", "/v1/appointment-requests/{request_id}", requests.get_appointment_request),
    Route("GET", "/v1/appointment-requests/{request_id}/free-times", requests.list_requested_times),
    Route("POST", "/v1/appointment-requests/{request_id}/book", requests.book_requested_appointment),
    Route("POST", "/v1/appointment-requests/{request_id}/decline", requests.decline_appointment_request),
)
