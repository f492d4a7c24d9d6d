"""Patients' portal access: one patient's, and the Patient Portal Onboarding Tool for many (S3-20 to S3-46)."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.identity import patients, people

_ENABLE = Action(
    "enable_patient_access",
    patients.enable_patient_access,
    "Access is enabled: the patient can use the portal.",
)
_INVITE = Action("invite_patient", patients.invite_patient, "The invitation/reset e-mail is on its way.")

PAGES = (
    Page(
        "/staff/patients",
        "staff/patients/onboarding.html",
        reads={
            "patients": Read(
                patients.list_patient_access,
                given={"limit": 50},
                query=("status", "is_enabled", "has_username", "after"),
            ),
            "jobs": Read(patients.list_patient_jobs, needs="account.manage"),
        },
        actions=(
            _ENABLE,
            _INVITE,
            Action(
                "start_patient_job",
                patients.start_patient_job,
                "The work has begun. You may leave this page.",
                then="/staff/patients/jobs/{job_id}",
            ),
        ),
    ),
    Page(
        "/staff/patients/jobs/{job_id}",
        "staff/patients/job.html",
        reads={"job": Read(patients.get_patient_job)},
    ),
    Page(
        "/staff/patients/settings",
        "staff/patients/settings.html",
        reads={"settings": Read(patients.get_patient_settings)},
        actions=(Action("set_patient_settings", patients.set_patient_settings, "The setting is saved."),),
    ),
    Page(
        "/staff/people/{person_id}/portal",
        "staff/patients/access.html",
        reads={
            "person": Read(people.get_person),
            "patient": Read(patients.get_patient_access),
        },
        actions=(
            _ENABLE,
            _INVITE,
            Action(
                "disable_patient_access",
                patients.disable_patient_access,
                "Access is disabled: the patient can no longer use the portal.",
            ),
        ),
    ),
    Page(
        "/staff/people/{person_id}/portal/credentials",
        "staff/patients/credentials.html",
        reads={
            "person": Read(people.get_person),
            "patient": Read(patients.get_patient_access),
            "checked": Read(patients.check_username, sealed=("username",)),
        },
        actions=(
            Action(
                "set_patient_credentials",
                patients.set_patient_credentials,
                "Username and password are set. Tell them to the patient in person or by phone.",
                then="/staff/people/{person_id}/portal",
            ),
        ),
    ),
    Page(
        "/staff/people/{person_id}/portal/email",
        "staff/patients/email.html",
        reads={
            "person": Read(people.get_person),
            "patient": Read(patients.get_patient_access),
        },
        actions=(
            Action(
                "change_patient_email",
                patients.change_patient_email,
                "The e-mail is changed, and a notice is on its way to the address before.",
                then="/staff/people/{person_id}/portal",
                given={"confirm": True},
            ),
        ),
    ),
)
