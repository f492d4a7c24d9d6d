"""Employees and applicants: their access to their portals, and who supervises whom."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import SIGNED_IN, Reply, only_services, page_of
from services.contracts.fields import BirthDate, Code, Count, EmailAddress, Flag, Id, Text, one_of
from services.contracts.identity import contract
from services.contracts.identity.accounts import Account
from services.contracts.identity.paging import PAGE
from services.contracts.identity.permissions import MANAGE_ORGANISATION, MANAGE_PEOPLE, READ_PEOPLE

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


class PortalEntryView(Reply):
    """The roles that may use a portal, and what its users edit. Empty `allowed_roles` let every role in (S2-36).

    With `changes_are_requests` staff accept or dismiss each change of these fields; without it, it is saved at once.
    """

    realm = one_of(ENTRY_REALMS, required=True)
    version = fields.Integer(required=True)
    allowed_roles = fields.List(fields.String(), required=True)
    editable_fields = fields.List(fields.String(), required=True)
    changes_are_requests = Flag(required=True)
    opens_accounts = Flag(required=True)
    applicant_department = fields.String(required=True)


class EmployeeAccess(Reply):
    """An employee and their account of the portal, if there is one.

    `missing` are the conditions of the portal that are not met; the employee may enter when there are none. `supervises` is
    the number of people whom the account supervises. `may_get_code`: a pick-up code can be made for the employee.
    """

    account_id = Id(required=True, allow_none=True)
    person_id = Id(required=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(required=True)
    employee_number = fields.String(allow_none=True)
    employer = fields.String(allow_none=True)
    department = fields.String(allow_none=True)
    role = fields.String(allow_none=True)
    missing = fields.List(one_of(CONDITIONS), required=True)
    supervises = Count(required=True)
    may_get_code = Flag(required=True)


get_portal_entry = contract.query(
    "get_portal_entry",
    "Which roles may use a portal, which fields its users edit, and whether accounts are opened automatically.",
    request={"realm": one_of(ENTRY_REALMS, required=True)},
    reply=PortalEntryView,
    access=MANAGE_ORGANISATION,
)
set_portal_entry = contract.command(
    "set_portal_entry",
    "Set who may use a portal. Members that are left out stay as they are. With `opens_accounts` an employee who is "
    "registered by hand or by the HR feed gets an account, which reaches nothing until its relationships are set.",
    request={
        "realm": one_of(ENTRY_REALMS, required=True),
        "allowed_roles": fields.List(Code(), validate=validate.Length(max=50)),
        "editable_fields": fields.List(one_of(EDITABLE_FIELDS), validate=validate.Length(max=10)),
        "changes_are_requests": Flag(),
        "opens_accounts": Flag(),
        "applicant_department": Text(most=100),
    },
    reply=PortalEntryView,
    access=MANAGE_ORGANISATION,
    errors=("right_not_held",),
    expects_version=True,
    grants="role",
)
list_employee_access = contract.query(
    "list_employee_access",
    "Employees, and whoever else has an account of the Employee Portal, by name, each with employer, employee number, role "
    "and the conditions of the portal that are not met. `missing` leaves those who lack this condition.",
    request={
        "may_enter": Flag(load_default=None, allow_none=True),
        "missing": one_of(CONDITIONS, load_default=None, allow_none=True),
        "is_supervisor": Flag(load_default=None, allow_none=True),
        **PAGE,
    },
    reply=page_of(EmployeeAccess),
    access=READ_PEOPLE,
)
get_employee_access = contract.query(
    "get_employee_access",
    "Whether one employee may use the Employee Portal, and which of its conditions are not met.",
    request={"person_id": Id(required=True)},
    reply=EmployeeAccess,
    access=READ_PEOPLE,
    errors=("not_found",),
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
    "The employees whom the caller supervises.",
    request={},
    reply={"items": fields.List(fields.Nested(SupervisedEmployee), required=True)},
    access=SIGNED_IN,
)
_APPLICANT = {
    "first_name": Text(required=True, most=100),
    "last_name": Text(required=True, most=100),
    "date_of_birth": BirthDate(load_default=None, allow_none=True),
    "email": EmailAddress(load_default=None, allow_none=True),
}


class ApplicantView(Reply):
    """An applicant and the drafted account, which cannot log in."""

    person_id = Id(required=True)
    department = fields.String(required=True)
    account = fields.Nested(Account, required=True)


register_applicant = contract.command(
    "register_applicant",
    "Add an applicant in the applicants' department: a person with a drafted account, which cannot log in.",
    request=_APPLICANT,
    reply=ApplicantView,
    access=MANAGE_PEOPLE,
    status=201,
)
draft_applicant = contract.command(
    "draft_applicant",
    "The same as `register_applicant`, for the Applicant Portal.",
    request=_APPLICANT,
    reply=ApplicantView,
    access=only_services("portals"),
    status=201,
)
