"""Routes of identity: access to the employees' and applicants' portals."""

from gateway.routes import Route
from services.contracts.identity import employees as api

ROUTES = (
    Route("GET", "/v1/realms/{realm}/entry", api.get_portal_entry),
    Route("PUT", "/v1/realms/{realm}/entry", api.set_portal_entry),
    Route("GET", "/v1/employee-access", api.list_employee_access),
    Route("GET", "/v1/employee-access/{person_id}", api.get_employee_access),
    Route("GET", "/v1/me/employees", api.list_my_employees),
    Route("POST", "/v1/applicants", api.register_applicant),
)
