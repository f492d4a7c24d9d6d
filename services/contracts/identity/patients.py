"""Patients' access to their portal, which staff give or patients activate themselves."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from marshmallow import ValidationError, fields, validate

from services.contracts.declare import PUBLIC, Reply, Request, only_services, page_of, permission
from services.contracts.fields import (
    BirthDate,
    Code,
    Count,
    Day,
    EmailAddress,
    Flag,
    Id,
    Ids,
    Moment,
    Secret,
    Text,
    one_of,
)
from services.contracts.identity import contract
from services.contracts.identity.paging import PAGE
from services.contracts.identity.permissions import READ_PEOPLE

PORTAL_STATUSES = ("inactive", "unactivated", "active")
INACTIVE_REASONS = ("access_not_enabled", "no_email", "no_postal_code")
ORIGINS = ("staff", "registered")
COLOURS = ("red", "grey", "yellow", "green")
JOB_KINDS = ("enable", "invite")
MOST_IN_A_JOB = 1000
MANAGE_ACCOUNTS = permission("account.manage")
WHO = {"person_id": Id(required=True)}
ATTESTATION = "whether it was verified with the patient that nobody else reads the e-mail (S3-34)"
USERNAME_RULE = "3 to 64 letters, digits and . _ - @, the first a letter or digit."


def username(**options: Any) -> fields.String:
    """A field that takes a patient's username, compared without regard to case."""
    return fields.String(
        validate=validate.Regexp(r"\s*[A-Za-z0-9][A-Za-z0-9._@-]{2,63}\s*\Z", error=USERNAME_RULE),
        **options,
    )


class PatientAccessLine(Reply):
    """A patient's standing with the portal.

    `reasons` say why the status is inactive: what keeps the patient from setting up the account alone.
    `manual_credentials_set`: staff have set a password, which works even without an e-mail (conflict C2).
    `colour`: red means that access is not enabled, grey that data is missing, yellow that access was never used, green
    that it is in use. `origin`: added by staff, or registered with the electronic form.
    """

    person_id = Id(required=True)
    number = fields.String(required=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(required=True)
    email = fields.String(required=True, allow_none=True)
    username = fields.String(required=True, allow_none=True)
    portal_status = one_of(PORTAL_STATUSES, required=True)
    reasons = fields.List(one_of(INACTIVE_REASONS), required=True)
    colour = one_of(COLOURS, required=True)
    is_enabled = Flag(required=True)
    manual_credentials_set = Flag(required=True)
    origin = one_of(ORIGINS, required=True)
    last_login_at = Moment(required=True, allow_none=True)


class PatientAccess(PatientAccessLine):
    """A patient's portal access, whole. `version` is the person's. `attested_…`: who verified the e-mail's privacy.

    `probable_doubles` are other patients of the same last name and date of birth: perhaps the same person, registered anew.
    """

    version = fields.Integer(required=True)
    account_id = Id(required=True, allow_none=True)
    email_is_verified = Flag(required=True)
    attested_by = fields.String(required=True, allow_none=True)
    attested_by_name = fields.String(required=True, allow_none=True)
    attested_at = Moment(required=True, allow_none=True)
    probable_doubles = fields.List(Id(), required=True)


class PatientSettings(Reply):
    """What holds for the patients of an organisation.

    `asks_address` and `asks_insurance`: what the registration form asks for beside what it has to.
    """

    version = fields.Integer(required=True)
    enables_automatically = Flag(required=True)
    asks_address = Flag(required=True)
    asks_insurance = Flag(required=True)


get_patient_settings = contract.query(
    "get_patient_settings",
    "Whether patients whom staff add can activate the portal without further confirmation, and what the registration form asks.",
    request={},
    reply=PatientSettings,
    access=permission("organisation.manage"),
)
set_patient_settings = contract.command(
    "set_patient_settings",
    "Set whether patients whom staff add can activate the portal without further confirmation, and what the registration form asks. "
    "What is left out stays.",
    request={"enables_automatically": Flag(), "asks_address": Flag(), "asks_insurance": Flag()},
    reply=PatientSettings,
    access=permission("organisation.manage"),
    expects_version=True,
)
get_patient_access = contract.query(
    "get_patient_access",
    "A patient's portal status with the reasons, username and attestation. Reading it is noted.",
    request=WHO,
    reply=PatientAccess,
    access=READ_PEOPLE,
    errors=("not_found", "not_a_patient"),
)
list_patient_access = contract.query(
    "list_patient_access",
    "The onboarding list: patients by name with their portal status, paged by key. Reading it is noted.",
    request={
        "status": one_of(PORTAL_STATUSES, load_default=None, allow_none=True),
        "has_username": Flag(load_default=None, allow_none=True),
        "is_enabled": Flag(load_default=None, allow_none=True),
        "origin": one_of(ORIGINS, load_default=None, allow_none=True),
        **PAGE,
    },
    reply=page_of(PatientAccessLine),
    access=READ_PEOPLE,
)
enable_patient_access = contract.command(
    "enable_patient_access",
    "Patient Can Access Portal. Needs e-mail and home postal code on file, and the attestation that only the patient "
    "reads that e-mail. Enabling again changes nothing.",
    request={**WHO, "attests_email_is_private": Flag(required=True, metadata={"description": ATTESTATION})},
    reply=PatientAccess,
    access=MANAGE_ACCOUNTS,
    errors=("not_found", "not_a_patient", "details_missing", "login_taken", "access_exists"),
    honours_version=True,
)
disable_patient_access = contract.command(
    "disable_patient_access",
    "No Access to Portal: sessions, links and the grant end at once.",
    request=WHO,
    reply=PatientAccess,
    access=MANAGE_ACCOUNTS,
    errors=("not_found", "not_a_patient"),
    honours_version=True,
)
invite_patient = contract.command(
    "invite_patient",
    "Send the invitation/reset e-mail to the address on file: its link sets a username where none is on file, and a "
    "password. A newer one voids the older.",
    request=WHO,
    reply={"invitation_id": Id(required=True)},
    access=MANAGE_ACCOUNTS,
    errors=("not_found", "not_a_patient", "access_not_enabled", "details_missing"),
    status=202,
)
check_username = contract.command(
    "check_username",
    "Whether a username is valid and free. A username does not belong in a URL, so this question is a POST.",
    request={"username": Text(required=True, most=254), "person_id": Id(load_default=None, allow_none=True)},
    reply={
        "is_valid": Flag(required=True),
        "is_available": Flag(required=True),
        "rule": fields.String(required=True),
    },
    access=MANAGE_ACCOUNTS,
    keeps_answer=False,
)


class SetPatientCredentials(Request):
    """Username and password that staff set and tell the patient in person or by phone.

    `enable_access`: enable the access as well, even without e-mail or postal code (conflict C2). `must_change`: the patient
    must set another password at the first log-in.
    """

    person_id = Id(required=True)
    username = username(load_default=None, allow_none=True)
    password = Secret(required=True, validate=validate.Length(min=1, max=256))
    must_change = Flag(load_default=True)
    enable_access = Flag(load_default=False)
    attests_email_is_private = Flag(load_default=False, metadata={"description": ATTESTATION})


set_patient_credentials = contract.command(
    "set_patient_credentials",
    "Manually set a patient's username and password. Works without an e-mail on file.",
    request=SetPatientCredentials,
    reply=PatientAccess,
    access=MANAGE_ACCOUNTS,
    errors=(
        "not_found",
        "not_a_patient",
        "access_not_enabled",
        "details_missing",
        "login_taken",
        "password_refused",
        "right_not_held",
    ),
    keeps_answer=False,
    grants="sign_in",
    honours_version=True,
)
change_patient_email = contract.command(
    "change_patient_email",
    "Change a patient's e-mail. Once access is enabled that takes a recent proof of who asks, `confirm` and a new "
    "attestation. The former address is told, open links become void and sessions end.",
    request={
        **WHO,
        "email": EmailAddress(required=True),
        "confirm": Flag(load_default=False),
        "attests_email_is_private": Flag(load_default=False, metadata={"description": ATTESTATION}),
    },
    reply=PatientAccess,
    access=MANAGE_ACCOUNTS,
    errors=(
        "not_found",
        "not_a_patient",
        "confirmation_required",
        "proof_required",
        "details_missing",
        "login_taken",
        "right_not_held",
    ),
    expects_version=True,
    grants="sign_in",
)


class JobFailure(Reply):
    """A patient for whom a job failed, and why: a code, and the field that it is about. Names are null for an unknown id."""

    person_id = Id(required=True)
    number = fields.String(required=True, allow_none=True)
    first_name = fields.String(required=True, allow_none=True)
    last_name = fields.String(required=True, allow_none=True)
    reason = Code(required=True)
    field = fields.String(required=True, allow_none=True)


class PatientJobLine(Reply):
    """The progress of a job."""

    job_id = Id(required=True)
    kind = one_of(JOB_KINDS, required=True)
    total = Count(required=True)
    done = Count(required=True)
    failed = Count(required=True)
    created_at = Moment(required=True)
    finished_at = Moment(required=True, allow_none=True)


class PatientJob(PatientJobLine):
    """The progress of a job, and whom it failed for. `failures` are the first 200."""

    failures = fields.List(fields.Nested(JobFailure), required=True)


start_patient_job = contract.command(
    "start_patient_job",
    "Enable or invite many patients. It runs in the background; `get_patient_job` answers its progress.",
    request={
        "kind": one_of(JOB_KINDS, required=True),
        "person_ids": Ids(required=True, validate=validate.Length(min=1, max=MOST_IN_A_JOB)),
        "attests_email_is_private": Flag(load_default=False, metadata={"description": ATTESTATION}),
    },
    reply=PatientJob,
    access=MANAGE_ACCOUNTS,
    errors=("details_missing",),
    status=202,
)
get_patient_job = contract.query(
    "get_patient_job",
    "The progress of a job, and the patients for whom it failed.",
    request={"job_id": Id(required=True)},
    reply=PatientJob,
    access=MANAGE_ACCOUNTS,
    errors=("not_found",),
)
list_patient_jobs = contract.query(
    "list_patient_jobs",
    "The latest 20 jobs over patients, newest first, each with its progress.",
    request={},
    reply={"items": fields.List(fields.Nested(PatientJobLine), required=True)},
    access=MANAGE_ACCOUNTS,
)
request_patient_access = contract.command(
    "request_patient_access",
    "“I am a registered patient, create my account” and “I forgot my password”: e-mail, last name, date of birth and "
    "postal code must match the record. The answer is the same in any case; an e-mail tells the rest.",
    request={
        "organisation": Code(required=True),
        "email": EmailAddress(required=True),
        "last_name": Text(required=True, most=100),
        "date_of_birth": Day(required=True),
        "postal_code": Text(required=True, most=20),
    },
    reply={},
    access=PUBLIC,
    errors=("too_many_requests",),
    status=202,
)
verify_email = contract.command(
    "verify_email",
    "Use the link of the confirmation e-mail, once. It enables a registered patient's access, and does not log in.",
    request={"token": Secret(required=True, validate=validate.Length(max=128))},
    reply={"is_enabled": Flag(required=True)},
    access=PUBLIC,
    errors=("link_refused", "too_many_requests"),
    keeps_answer=False,
)


describe_registration = contract.query(
    "describe_registration",
    "Whether an organisation takes registrations of patients, its name, and what it asks. An unknown organisation takes none.",
    request={"organisation": Code(required=True)},
    reply={
        "organisation_name": fields.String(required=True),
        "asks_address": Flag(required=True),
        "asks_insurance": Flag(required=True),
    },
    access=PUBLIC,
    errors=("feature_is_off",),
)


# Invisible characters, control characters and ends of lines.
_UNSEEN = frozenset({"Cf", "Cc", "Zl", "Zp"})
_NAME = re.compile(r"(?!.*\.\w)[^\d@:/\\<>{}\[\]|]*")


class EnteredName(Text):
    """A name that anybody can enter, and that mails show: nothing that a mail program would make a link of."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        # Programs read compatible letters and the dots of other scripts as plain ones: NFKC makes U+2024 a dot.
        read = unicodedata.normalize("NFKC", text).replace("\u3002", ".")
        if not _NAME.fullmatch(read) or any(unicodedata.category(each) in _UNSEEN for each in text):
            raise ValidationError("A name in letters is expected, without digits and signs such as @ : / <.")
        return text


class RegisterPatient(Request):
    """What somebody enters in the electronic registration form. The required members are those that portal access needs."""

    organisation = Code(required=True)
    first_name = EnteredName(required=True, most=100)
    last_name = EnteredName(required=True, most=100)
    date_of_birth = BirthDate(required=True)
    email = EmailAddress(required=True)
    postal_code = Text(required=True, most=20)
    street = Text(most=255, allow_none=True)
    city = Text(most=100, allow_none=True)
    home_phone = Text(most=40, allow_none=True)
    mobile_phone = Text(most=40, allow_none=True)
    insurer = Text(most=100, allow_none=True)
    insurance_number = Text(most=40, allow_none=True)


register_patient = contract.command(
    "register_patient",
    "The electronic registration form. A new patient gets a confirmation e-mail, whose link enables the access; somebody who "
    "is registered already gets the e-mail that brings the known patient on. The answer is the same in any case.",
    request=RegisterPatient,
    reply={},
    access=PUBLIC,
    errors=("feature_is_off", "too_many_requests"),
    status=202,
)
take_unverified_address = contract.command(
    "take_unverified_address",
    "The address that somebody entered whose data did not match, for one message. It is deleted soon after.",
    request={"notice_id": Id(required=True)},
    reply={"email": fields.String(required=True), "organisation_name": fields.String(required=True)},
    access=only_services("notifications"),
    errors=("not_found",),
    keeps_answer=False,
)
patient_not_verified = contract.event(
    "patient_not_verified",
    "Somebody's data matched no patient with portal access. The address that was entered is told so.",
    data={"notice_id": Id(required=True)},
)
