"""Routes of appointment types, providers and schedules."""

from gateway.routes import Route
from services.contracts.portals import schedules

ROUTES = (
    Route("GET", "/v1/appointment-types", schedules.list_appointment_types),
    Route("POST", "/v1/appointment-types", schedules.create_appointment_type),
    Route("GET", "/v1/appointment-types/{type_id}", schedules.get_appointment_type),
    Route("PUT", "/v1/appointment-types/{type_id}", schedules.change_appointment_type),
    Route("GET", "/v1/appointment-providers", schedules.list_appointment_providers),
    Route("POST", "/v1/appointment-providers", schedules.create_appointment_provider),
    Route("GET", "/v1/appointment-providers/{provider_id}", schedules.get_appointment_provider),
    Route("PUT", "/v1/appointment-providers/{provider_id}", schedules.change_appointment_provider),
    Route("GET", "/v1/appointment-providers/{provider_id}/schedules", schedules.list_schedules),
    Route("POST", "/v1/appointment-providers/{provider_id}/schedules", schedules.create_schedule),
    Route("GET", "/v1/schedules/{schedule_id}", schedules.get_schedule),
    Route("PUT", "/v1/schedules/{schedule_id}", schedules.change_schedule),
)
