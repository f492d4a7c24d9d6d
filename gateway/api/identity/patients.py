"""Routes of identity: patients' access to their portal."""

from gateway.routes import Route
from services.contracts.identity import patients as api

_PATIENT = "/v1/patients/{person_id}"

ROUTES = (
    Route("GET", "/v1/patient-settings", api.get_patient_settings),
    Route("PUT", "/v1/patient-settings", api.set_patient_settings),
    Route("GET", "/v1/patients", api.list_patient_access),
    Route("GET", f"{_PATIENT}/portal-access", api.get_patient_access),
    Route("PUT", f"{_PATIENT}/portal-access", api.enable_patient_access),
    Route("DELETE", f"{_PATIENT}/portal-access", api.disable_patient_access),
    Route("POST", f"{_PATIENT}/invitations", api.invite_patient),
    Route("PUT", f"{_PATIENT}/credentials", api.set_patient_credentials),
    Route("PUT", f"{_PATIENT}/email", api.change_patient_email),
    Route("POST", "/v1/patients/username-checks", api.check_username),
    Route("POST", "/v1/patients/access-requests", api.request_patient_access),
    Route("GET", "/v1/patients/jobs", api.list_patient_jobs),
    Route("GET", "/v1/patients/registration-form", api.describe_registration),
    Route("POST", "/v1/patients/registrations", api.register_patient),
    Route("POST", "/v1/patients/jobs", api.start_patient_job),
    Route("GET", "/v1/patients/jobs/{job_id}", api.get_patient_job),
    Route("POST", "/v1/credentials/links/verify-email", api.verify_email),
)
