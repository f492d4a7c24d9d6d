"""Audit of access: the trail, explanations of who can see what, and emergency access."""

from __future__ import annotations

from marshmallow import ValidationError, fields, validate, validates_schema

from services.contracts.audit import audit_operations
from services.contracts.declare import SIGNED_IN, Reply, Request, only_services, page_of, permission
from services.contracts.fields import Code, Flag, Id, Moment, Text
from services.contracts.identity import contract

trail = audit_operations(contract)


# The types of object that emergency access may be for, and the one permission that it gives on the object.
EMERGENCY_OBJECTS = {
    "contact_record": "record.read",
    "referral": "referral.read",
    "document": "document.read",
    "person": "person.read",
}

# Why emergency access was needed. The text beside it says more.
EMERGENCY_REASONS = ("emergency_treatment", "immediate_danger", "legal_duty", "usual_access_fails")
OUTCOMES = ("justified", "not_justified")


class EmergencyAccess(Reply):
    """Emergency access to one object. `id` is the id of its audit entry."""

    id = Id(required=True)
    object_type = fields.String(required=True, validate=validate.OneOf(tuple(EMERGENCY_OBJECTS)))
    object_id = Id(required=True)
    permission = fields.String(required=True)
    ends_at = Moment(required=True)


class EmergencyReportEntry(EmergencyAccess):
    """One line of the report of emergency accesses. `ended_at` is set when somebody ended it before `ends_at`.

    `outcome`: what a second person has found; None until then. `reason_code` is None for accesses before there were codes.
    """

    at = Moment(required=True)
    account_id = Id(required=True)
    reason_code = fields.String(required=True, allow_none=True, validate=validate.OneOf(EMERGENCY_REASONS))
    reason = fields.String(required=True)
    ended_at = Moment(allow_none=True)
    outcome = fields.String(required=True, allow_none=True, validate=validate.OneOf(OUTCOMES))
    reviewed_by = Id(required=True, allow_none=True)
    reviewed_at = Moment(required=True, allow_none=True)


class AccessStep(Reply):
    """One condition of a decision: its name, what was found, and whether it holds."""

    name = fields.String(
        required=True,
        validate=validate.OneOf(
            [
                "account",
                "feature",
                "role",
                "switch",
                "reach",
                "assignment",
                "grant",
                "emergency",
                # Of the Employee Portal:
                "employee",
                "self",
                "portal_user",
                "allowed_role",
                "supervisor",
            ]
        ),
    )
    holds = fields.Boolean(required=True)
    found = fields.String(required=True)
    starts_at = Moment(allow_none=True)
    ends_at = Moment(allow_none=True)


class AboutOneObject(Request):
    """A question about a directory resource or a person's profile, not both."""

    resource_id = Id(load_default=None, allow_none=True)
    person_id = Id(load_default=None, allow_none=True)

    @validates_schema
    def _not_both(self, data: dict[str, object], **_: object) -> None:
        if data.get("resource_id") and data.get("person_id"):
            raise ValidationError("Ask about a resource_id or a person_id, not both.", "resource_id")


class ExplainAccess(AboutOneObject):
    """An account, a permission, and perhaps the resource or person that the permission is for."""

    account_id = Id(required=True)
    permission = Code(required=True)


class ListWhoCanSee(AboutOneObject):
    """The resource or the person to be seen."""

    after = Id(load_default=None, allow_none=True)
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))

    @validates_schema
    def _one(self, data: dict[str, object], **_: object) -> None:
        if not data.get("resource_id") and not data.get("person_id"):
            raise ValidationError("A resource_id or a person_id is needed.", "resource_id")


class AccountWithAccess(Reply):
    """An account that can see something, and what lets it: its role, an assignment, a grant, supervision."""

    account_id = Id(required=True)
    name = fields.String(required=True)
    realm = fields.String(required=True)
    role = fields.String(allow_none=True)
    by = fields.String(
        required=True,
        validate=validate.OneOf(["role", "assignment", "assignment_of_agency", "grant", "supervisor"]),
    )
    starts_at = Moment(allow_none=True)
    ends_at = Moment(allow_none=True)


class PreviewRemoval(Request):
    """An account's assignment or grant. `person_id` names the grant by the profile that it opens."""

    account_id = Id(required=True)
    assignment_id = Id(load_default=None, allow_none=True)
    grant_id = Id(load_default=None, allow_none=True)
    person_id = Id(load_default=None, allow_none=True)

    @validates_schema
    def _exactly_one(self, data: dict[str, object], **_: object) -> None:
        if sum(bool(data.get(name)) for name in ("assignment_id", "grant_id", "person_id")) != 1:
            raise ValidationError("One of assignment_id, person_id and grant_id is needed.", "assignment_id")


explain_access = contract.query(
    "explain_access",
    "Why an account may or may not do something: every condition, and whether it holds.",
    request=ExplainAccess,
    reply={
        "account_id": Id(required=True),
        "permission": fields.String(required=True),
        "is_allowed": Flag(required=True),
        "steps": fields.List(fields.Nested(AccessStep), required=True),
    },
    access=permission("access.explain"),
    errors=("not_found", "resource_not_found"),
)
list_who_can_see = contract.query(
    "list_who_can_see",
    "The accounts that can see a resource's referrals or a person's profile, and what lets each of them.",
    request=ListWhoCanSee,
    reply=page_of(AccountWithAccess),
    access=permission("access.explain"),
    errors=("not_found", "resource_not_found"),
)
preview_removal = contract.query(
    "preview_removal",
    "What an account would lose with an assignment or a grant. Nothing is removed.",
    request=PreviewRemoval,
    reply={
        "account_id": Id(required=True),
        "resource_ids": fields.List(Id(), required=True),
        "person_ids": fields.List(Id(), required=True),
        "permissions": fields.List(fields.String(), required=True),
        "is_still_reached_by_agency": Flag(required=True),
        "assignments_left": fields.Integer(required=True),
        "profiles_left": fields.Integer(required=True),
    },
    access=permission("access.explain"),
    errors=("not_found", "resource_not_found"),
)
break_glass = contract.command(
    "break_glass",
    "Emergency access to one object, in this session and for a limited time, a few times a day. It is audited with its "
    "reason, reported, and reviewed by a second person.",
    request={
        "object_type": fields.String(required=True, validate=validate.OneOf(tuple(EMERGENCY_OBJECTS))),
        "object_id": Id(required=True),
        "reason_code": fields.String(required=True, validate=validate.OneOf(EMERGENCY_REASONS)),
        "reason": Text(required=True, least=10, most=500),
    },
    reply=EmergencyAccess,
    access=permission("access.break_glass", realms=("staff",)),
    errors=("too_many_requests", "not_found"),
    status=201,
    grants="emergency",
)
end_break_glass = contract.command(
    "end_break_glass",
    "End emergency access before its time: the caller's, or with `audit.read` anybody's. It ends with the next request.",
    request={"access_id": Id(required=True)},
    reply={},
    access=SIGNED_IN,
    errors=("not_found",),
    status=204,
)
review_break_glass = contract.command(
    "review_break_glass",
    "Note what a second person has found about an emergency access, once. Until then it is listed as not reviewed.",
    request={
        "access_id": Id(required=True),
        "outcome": fields.String(required=True, validate=validate.OneOf(OUTCOMES)),
    },
    reply={
        "access_id": Id(required=True),
        "outcome": fields.String(required=True),
        "reviewed_at": Moment(required=True),
    },
    access=permission("audit.read", realms=("staff",)),
    errors=("not_found", "second_person_needed", "conflict"),
)
list_break_glass = contract.query(
    "list_break_glass",
    "The report of emergency accesses with their reasons, newest first. Reading it is audited.",
    request={
        "since": Moment(load_default=None, allow_none=True),
        "until": Moment(load_default=None, allow_none=True),
        "account_id": Id(load_default=None, allow_none=True),
        "is_reviewed": Flag(load_default=None, allow_none=True),
        "after": Id(load_default=None, allow_none=True),
        "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
    },
    reply=page_of(EmergencyReportEntry),
    access=permission("audit.read"),
)
list_audit_readers = contract.query(
    "list_audit_readers",
    "Accounts that may read the audit trail. They are notified about emergency access.",
    request={},
    reply={
        "recipients": fields.List(
            fields.Nested({"account_id": Id(required=True), "email_is_verified": Flag(required=True)}),
            required=True,
        )
    },
    access=only_services("notifications"),
)
break_glass_used = contract.event(
    "break_glass_used",
    "An account took emergency access to an object. Only the audit trail has the reason.",
    data={
        "access_id": Id(required=True),
        "account_id": Id(required=True),
        "object_type": Code(required=True),
        "object_id": Id(required=True),
        "ends_at": Moment(required=True),
    },
)
break_glass_ended = contract.event(
    "break_glass_ended",
    "Emergency access was ended before its time, by its owner or by somebody else.",
    data={"access_id": Id(required=True), "account_id": Id(required=True), "ended_by": Id(required=True)},
)
