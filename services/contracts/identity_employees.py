"""What identity offers about employees: the HR feed, who gets into their portal, pick-up codes, applicants."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, SIGNED_IN, Reply, Request, only_services, page_of, permission
from services.contracts.fields import AuthorName, BirthDate, Code, Count, Flag, Id, Moment, Secret, Text
from services.contracts.identity import Account, contract
from services.contracts.identity_people import (
    MANAGE_ORGANISATION,
    MANAGE_PEOPLE,
    PAGE,
    READ_PEOPLE,
    email_address,
    one_of,
)

FORMATS = ("csv", "json")
ACTIONS = ("added", "changed", "ended")
IMPORT_STATES = ("ready", "applying", "applied")
EDITABLE_FIELDS = (
    "email",
    "home_phone",
    "mobile_phone",
    "security_question",
    "preferred_language",
    "preferred_time_zone",
    "preferred_pharmacy",
)
ENTRY_REALMS = ("patient", "employee", "applicant")
# Conditions of the Employee Portal, in the order in which they are checked (S2-29 … S2-31, S2-35).
CONDITIONS = ("active_account", "employee", "self", "portal_user", "role", "allowed_role")

# The HR feed


class FeedDocument(Request):
    """Reference to uploaded bytes; made by the gateway, never by a client."""

    sha256 = fields.String(required=True, validate=validate.Regexp(r"[0-9a-f]{64}\Z"))
    size = Count(required=True)


class FeedProblem(Reply):
    """A place in the file and what is wrong there. `is_refused`: the row is left out, and its employee is left alone."""

    line = fields.Integer(required=True)
    column = fields.String(allow_none=True)
    code = Code(required=True)
    message = fields.String(required=True)
    is_refused = Flag(required=True)


class FeedCounts(Reply):
    """How many employees a file would change, or has changed."""

    added = Count(required=True)
    changed = Count(required=True)
    ended = Count(required=True)
    unchanged = Count(required=True)
    refused = Count(required=True)


class HrImportView(Reply):
    """A file of the HR feed. `done` of `total` differences are applied."""

    id = Id(required=True)
    state = one_of(IMPORT_STATES, required=True)
    counts = fields.Nested(FeedCounts, required=True)
    problems = fields.List(fields.Nested(FeedProblem), required=True)
    total = Count(required=True)
    done = Count(required=True)
    created_by = fields.String(required=True)
    created_by_name = AuthorName(required=True)
    created_at = Moment(required=True)
    applied_at = Moment(allow_none=True)


class FieldChange(Reply):
    """A field that the file changes."""

    field = fields.String(required=True)
    before = fields.String(allow_none=True)
    after = fields.String(allow_none=True)


class HrImportLineView(Reply):
    """One difference between the file and what is known."""

    position = Count(required=True)
    employee_number = fields.String(required=True)
    action = one_of(ACTIONS, required=True)
    person_id = Id(allow_none=True)
    changes = fields.List(fields.Nested(FieldChange), required=True)


upload_hr_feed = contract.command(
    "upload_hr_feed",
    "Read a file of the HR feed and tell what it would change. Nothing is changed yet. It names every employee: "
    "who is not in it is ended when it is applied.",
    request={
        "document": fields.Nested(FeedDocument, required=True),
        "format": one_of(FORMATS, load_default="csv"),
    },
    reply=HrImportView,
    access=MANAGE_PEOPLE,
    errors=("import_file_refused", "request_too_large", "not_found"),
    status=201,
    timeout_s=60,
)
get_hr_import = contract.query(
    "get_hr_import",
    "How far an import is.",
    request={"import_id": Id(required=True)},
    reply=HrImportView,
    access=MANAGE_PEOPLE,
    errors=("not_found",),
)
list_hr_import_lines = contract.query(
    "list_hr_import_lines",
    "The differences that a file makes. Reading them is noted.",
    request={
        "import_id": Id(required=True),
        "action": one_of(ACTIONS, load_default=None, allow_none=True),
        "after": fields.Integer(load_default=None, allow_none=True, validate=validate.Range(min=0)),
        "limit": fields.Integer(load_default=100, validate=validate.Range(1, 500)),
    },
    reply={
        "items": fields.List(fields.Nested(HrImportLineView), required=True),
        "next": fields.Integer(allow_none=True),
    },
    access=MANAGE_PEOPLE,
    errors=("not_found",),
)
apply_hr_import = contract.command(
    "apply_hr_import",
    "Apply what a file changes, in the background. Again for the same import: nothing more happens. Where it ends more "
    "than a fifth of the employees `confirm` is needed.",
    request={"import_id": Id(required=True), "confirm": Flag(load_default=False)},
    reply=HrImportView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "import_outdated", "confirmation_required"),
)

# Who gets in


class PortalEntryView(Reply):
    """Who gets into a portal and what they edit there. `allowed_roles` empty: every role (S2-36)."""

    realm = one_of(ENTRY_REALMS, required=True)
    version = fields.Integer(required=True)
    allowed_roles = fields.List(fields.String(), required=True)
    editable_fields = fields.List(fields.String(), required=True)
    opens_accounts = Flag(required=True)
    applicant_department = fields.String(required=True)


class EmployeeAccess(Reply):
    """An employee's account, and what is missing for the portal: empty where the account gets in."""

    account_id = Id(required=True)
    person_id = Id(required=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(required=True)
    employee_number = fields.String(allow_none=True)
    employer = fields.String(allow_none=True)
    department = fields.String(allow_none=True)
    role = fields.String(allow_none=True)
    missing = fields.List(one_of(CONDITIONS), required=True)
    supervises = Count(required=True)


get_portal_entry = contract.query(
    "get_portal_entry",
    "Which roles get into a portal, which fields its users edit, whether accounts are opened automatically.",
    request={"realm": one_of(ENTRY_REALMS, required=True)},
    reply=PortalEntryView,
    access=MANAGE_ORGANISATION,
)
set_portal_entry = contract.command(
    "set_portal_entry",
    "Set who gets into a portal; what is left out stays as it is. `opens_accounts`: an employee who is registered by "
    "hand or by the HR feed gets an account, which reaches nothing until its relationships are set.",
    request={
        "realm": one_of(ENTRY_REALMS, required=True),
        "allowed_roles": fields.List(Code(), validate=validate.Length(max=50)),
        "editable_fields": fields.List(one_of(EDITABLE_FIELDS), validate=validate.Length(max=10)),
        "opens_accounts": Flag(),
        "applicant_department": Text(most=100),
    },
    reply=PortalEntryView,
    access=MANAGE_ORGANISATION,
    expects_version=True,
)
list_employee_access = contract.query(
    "list_employee_access",
    "Who has access to the Employee Portal, for which employer, known to HR by which number, and what is missing.",
    request=PAGE,
    reply=page_of(EmployeeAccess),
    access=READ_PEOPLE,
)


class SupervisedEmployee(Reply):
    """An employee whom the caller supervises."""

    person_id = Id(required=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(required=True)
    employee_number = fields.String(allow_none=True)
    department = fields.String(allow_none=True)


list_my_employees = contract.query(
    "list_my_employees",
    "The employees whom the caller supervises, and nobody else.",
    request={},
    reply={"items": fields.List(fields.Nested(SupervisedEmployee), required=True)},
    access=SIGNED_IN,
)

# What people edit themselves: not for providers, whose profile is not their own to edit (S0-40)

SEE_OWN_DETAILS = permission("profile.view_contact_details")


class MySettings(Reply):
    """What the caller's own record says. `sources`: fields that a feed keeps; it overwrites them when it runs next."""

    email = fields.String(allow_none=True)
    home_phone = fields.String(allow_none=True)
    mobile_phone = fields.String(allow_none=True)
    security_question = fields.String(allow_none=True)
    preferred_language = fields.String(allow_none=True)
    preferred_time_zone = fields.String(allow_none=True)
    preferred_pharmacy = fields.String(allow_none=True)
    editable_fields = fields.List(fields.String(), required=True)
    sources = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


get_my_settings = contract.query(
    "get_my_settings",
    "What the caller's own record in the portal says, and what of it the caller may edit.",
    request={},
    reply=MySettings,
    access=SEE_OWN_DETAILS,
    errors=("not_found",),
)
edit_my_settings = contract.command(
    "edit_my_settings",
    "Edit the own record, as far as the portal lets its users. Another e-mail takes a fresh proof. It is where the person "
    "is reached, the log-in stays; a patient's links go there, so the address before it is told and sessions end.",
    request={
        "email": email_address(allow_none=True),
        "home_phone": Text(most=40, allow_none=True),
        "mobile_phone": Text(most=40, allow_none=True),
        "security_question": Text(most=200, allow_none=True),
        "preferred_language": Text(most=40, allow_none=True),
        "preferred_time_zone": Text(most=60, allow_none=True),
        "preferred_pharmacy": Text(most=200, allow_none=True),
    },
    reply=MySettings,
    access=SEE_OWN_DETAILS,
    errors=("not_found", "field_not_editable", "proof_required", "login_taken"),
)

# Pick-up codes


class PickupCodeView(Reply):
    """A pick-up code without the code. `activated_at`: when somebody opened an account with it."""

    id = Id(required=True)
    person_id = Id(required=True)
    created_by = fields.String(required=True)
    created_by_name = AuthorName(required=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True)
    activated_at = Moment(allow_none=True)
    state = one_of(("open", "activated", "expired", "void"), required=True)


create_pickup_code = contract.command(
    "create_pickup_code",
    "Make an employee's pick-up code. It is shown this once; the one before it is void.",
    request={"person_id": Id(required=True)},
    reply={
        "id": Id(required=True),
        "code": Secret(required=True),
        "expires_at": Moment(required=True),
    },
    access=permission("account.manage"),
    errors=("not_found", "not_an_employee", "already_active"),
    status=201,
    keeps_answer=False,
)
send_pickup_code = contract.command(
    "send_pickup_code",
    "Have a pick-up code made and sent to the employee's e-mail; nobody else sees it. The one before it is void.",
    request={"person_id": Id(required=True)},
    reply={"id": Id(required=True)},
    access=permission("account.manage"),
    errors=("not_found", "not_an_employee", "already_active", "details_missing"),
    status=202,
)
mint_pickup_code = contract.command(
    "mint_pickup_code",
    "Make the pick-up code of a message at the moment it is rendered: its lifetime starts now, what was made for the "
    "same message before is void.",
    request={"code_id": Id(required=True)},
    reply={
        "code": Secret(required=True),
        "email": fields.String(required=True, allow_none=True),
        "lifetime_minutes": fields.Integer(required=True),
        "organisation_name": fields.String(required=True),
    },
    access=only_services("notifications"),
    errors=("not_found",),
    keeps_answer=False,
)
list_pickup_codes = contract.query(
    "list_pickup_codes",
    "When pick-up codes were created and activated, newest first.",
    request={"person_id": Id(load_default=None, allow_none=True), **PAGE},
    reply=page_of(PickupCodeView),
    access=permission("account.read"),
)
redeem_pickup_code = contract.command(
    "redeem_pickup_code",
    "Open an account of the Employee Portal with a pick-up code and credentials of one's own. `login` is the e-mail "
    "where the portal logs in with that.",
    request={
        "organisation": Code(required=True),
        "code": Secret(required=True, validate=validate.Length(min=1, max=64)),
        "login": Text(required=True, most=254),
        "email": email_address(load_default=None, allow_none=True),
        "password": Secret(required=True, validate=validate.Length(min=1, max=256)),
    },
    reply={},
    access=PUBLIC,
    errors=("pickup_code_refused", "password_refused", "login_taken", "too_many_requests"),
)

# Applicants

_APPLICANT = {
    "first_name": Text(required=True, most=100),
    "last_name": Text(required=True, most=100),
    "date_of_birth": BirthDate(load_default=None, allow_none=True),
    "email": email_address(load_default=None, allow_none=True),
}


class ApplicantView(Reply):
    """An applicant with the drafted account, which cannot log in."""

    person_id = Id(required=True)
    department = fields.String(required=True)
    account = fields.Nested(Account, required=True)


register_applicant = contract.command(
    "register_applicant",
    "Add an applicant: a person with a drafted account that cannot log in, in the applicants' department.",
    request=_APPLICANT,
    reply=ApplicantView,
    access=MANAGE_PEOPLE,
    status=201,
)
draft_applicant = contract.command(
    "draft_applicant",
    "As `register_applicant`, for the Applicant Portal.",
    request=_APPLICANT,
    reply=ApplicantView,
    access=only_services("portals"),
    status=201,
)

hr_import_applied = contract.event(
    "hr_import_applied",
    "A file of the HR feed has been applied.",
    data={
        "import_id": Id(required=True),
        "added": Count(required=True),
        "changed": Count(required=True),
        "ended": Count(required=True),
    },
)
pickup_code_requested = contract.event(
    "pickup_code_requested",
    "A pick-up code is to be sent by e-mail. The code itself is made when the message is rendered.",
    data={"code_id": Id(required=True), "person_id": Id(required=True)},
)
pickup_code_activated = contract.event(
    "pickup_code_activated",
    "Somebody has opened an account with a pick-up code.",
    data={"account_id": Id(required=True), "person_id": Id(required=True), "code_id": Id(required=True)},
)
