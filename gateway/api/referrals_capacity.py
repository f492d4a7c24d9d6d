"""Routes of capacity."""

from gateway.routes import Route
from services.contracts import referrals_capacity as api

ROUTES = (
    Route("GET", "/v1/capacities", api.list_capacities),
    Route("GET", "/v1/capacity-settings", api.get_capacity_settings),
    Route("PUT", "/v1/capacity-settings", api.set_capacity_settings),
    Route("GET", "/v1/programs/{program_id}/capacity", api.get_capacity),
    Route("PUT", "/v1/programs/{program_id}/capacity", api.set_capacity),
    Route("GET", "/v1/programs/{program_id}/capacity/history", api.list_capacity_history),
    Route("POST", "/v1/programs/{program_id}/capacity/lines", api.add_capacity_line),
    Route("POST", "/v1/programs/{program_id}/capacity/schedule", api.schedule_capacity),
    Route("PUT", "/v1/capacity-lines/{line_id}", api.edit_capacity_line),
    Route("DELETE", "/v1/capacity-lines/{line_id}", api.remove_capacity_line),
    Route("POST", "/v1/capacity-lines/{line_id}/confirmation", api.confirm_capacity),
    Route("PUT", "/v1/scheduled-capacities/{schedule_id}", api.edit_scheduled_capacity),
    Route("DELETE", "/v1/scheduled-capacities/{schedule_id}", api.cancel_scheduled_capacity),
)
