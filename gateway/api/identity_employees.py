"""Routes of identity about employees, the HR feed, pick-up codes, applicants, and merges."""

from gateway.routes import Route
from services.contracts import identity_employees as api
from services.contracts import identity_merging as merging

ROUTES = (
    Route("POST", "/v1/hr-imports", api.upload_hr_feed, uploads="document"),
    Route("GET", "/v1/hr-imports/{import_id}", api.get_hr_import),
    Route("GET", "/v1/hr-imports/{import_id}/lines", api.list_hr_import_lines),
    Route("POST", "/v1/hr-imports/{import_id}/apply", api.apply_hr_import),
    Route("GET", "/v1/realms/{realm}/entry", api.get_portal_entry),
    Route("PUT", "/v1/realms/{realm}/entry", api.set_portal_entry),
    Route("GET", "/v1/employee-access", api.list_employee_access),
    Route("GET", "/v1/me/employees", api.list_my_employees),
    Route("GET", "/v1/me/settings", api.get_my_settings),
    Route("PATCH", "/v1/me/settings", api.edit_my_settings),
    Route("POST", "/v1/people/{person_id}/pickup-codes", api.create_pickup_code),
    Route("POST", "/v1/people/{person_id}/pickup-codes/sent", api.send_pickup_code),
    Route("GET", "/v1/pickup-codes", api.list_pickup_codes),
    Route("POST", "/v1/pickup-codes/redeem", api.redeem_pickup_code),
    Route("POST", "/v1/applicants", api.register_applicant),
    Route("GET", "/v1/merges/preview", merging.preview_merge),
    Route("POST", "/v1/merges", merging.merge_people),
    Route("POST", "/v1/merges/{merge_id}/undo", merging.undo_merge),
    Route("GET", "/v1/people/{person_id}/merges", merging.list_merges),
    Route("GET", "/v1/people/{person_id}/resolved", merging.resolve_person),
)
