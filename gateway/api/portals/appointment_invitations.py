"""Routes of invitations to appointments."""

from gateway.routes import Route
from services.contracts.portals import appointment_invitations

ROUTES = (
    Route(
        "GET",
        "/v1/appointment-types/{type_id}/invitations",
        appointment_invitations.list_appointment_invitations,
    ),
    Route(
        "POST", "/v1/appointment-types/{type_id}/invitations", appointment_invitations.invite_to_appointment
    ),
)
