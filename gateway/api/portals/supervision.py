"""Routes of supervisors."""

from gateway.routes import Route
from services.contracts.portals import supervision

ROUTES = (
    Route("GET", "/v1/me/employees/work-status", supervision.list_team_work_status),
    Route("GET", "/v1/me/employees/surveillance", supervision.list_team_surveillance),
    Route("GET", "/v1/me/employees/cases", supervision.list_team_cases),
    Route("GET", "/v1/me/portals/{portal}/reports/{report}", supervision.get_team_report),
    Route("GET", "/v1/me/employees/{person_id}/items", supervision.get_employee_items),
)
