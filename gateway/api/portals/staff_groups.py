"""Routes of groups of staff."""

from gateway.routes import Route
from services.contracts.portals import staff_groups

_ONE = "/v1/staff-groups/{staff_group_id}"

ROUTES = (
    Route("GET", "/v1/staff-groups", staff_groups.list_staff_groups),
    Route("POST", "/v1/staff-groups", staff_groups.create_staff_group),
    Route("GET", _ONE, staff_groups.get_staff_group),
    Route("PUT", _ONE, staff_groups.change_staff_group),
    Route("DELETE", _ONE, staff_groups.remove_staff_group),
)
