"""Routes of capacity."""

from gateway.routes import Route
from services.contracts.referrals import capacity

ROUTES = (
    Route("GET", "/v1/capacities", capacity.list_capacities),
    Route("GET", "/v1/capacity-settings", capacity.get_capacity_settings),
    Route("PUT", "/v1/capacity-settings", capacity.set_capacity_settings),
    Route("GET", "/v1/programs/{program_id}/capacity", capacity.get_capacity),
    Route("PUT", "/v1/programs/{program_id}/capacity", capacity.set_capacity),
    Route("GET", "/v1/programs/{program_id}/capacity/history", capacity.list_capacity_history),
    Route("POST", "/v1/programs/{program_id}/capacity/lines", capacity.add_capacity_line),
    Route("POST", "/v1/programs/{program_id}/capacity/schedule", capacity.schedule_capacity),
    Route("GET", "/v1/capacity-lines/{line_id}", capacity.get_capacity_line),
    Route("PUT", "/v1/capacity-lines/{line_id}", capacity.edit_capacity_line),
    Route("DELETE", "/v1/capacity-lines/{line_id}", capacity.remove_capacity_line),
    Route("POST", "/v1/capacity-lines/{line_id}/confirmation", capacity.confirm_capacity),
    Route("PUT", "/v1/scheduled-capacities/{schedule_id}", capacity.edit_scheduled_capacity),
    Route("DELETE", "/v1/scheduled-capacities/{schedule_id}", capacity.cancel_scheduled_capacity),
)
