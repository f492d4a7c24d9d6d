"""Pick-up codes, with which employees open an account themselves."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, Reply, only_services, page_of, permission
from services.contracts.fields import AuthorName, Code, Count, EmailAddress, Id, Moment, Secret, Text, one_of
from services.contracts.identity import contract
from services.contracts.identity.paging import PAGE

STATES = ("open", "activated", "expired", "void")
MOST_AT_ONCE = 25
_HOW_MANY = f"Tick between 1 and {MOST_AT_ONCE} employees."


class PickupCodeView(Reply):
    """A pick-up code without the code. `activated_at`: when somebody opened an account with it."""

    id = Id(required=True)
    person_id = Id(required=True)
    person_number = fields.String(required=True)
    person_name = fields.String(required=True)
    created_by = fields.String(required=True)
    created_by_name = AuthorName(required=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True)
    activated_at = Moment(allow_none=True)
    state = one_of(STATES, required=True)


class UnsentCode(Reply):
    """An employee to whom no code was sent, and why: the code of the refusal that `send_pickup_code` would have had."""

    person_id = Id(required=True)
    person_number = fields.String(required=True, allow_none=True)
    reason = Code(required=True)


create_pickup_code = contract.command(
    "create_pickup_code",
    "Make an employee's pick-up code. It is shown only now; the one before it is void.",
    request={"person_id": Id(required=True)},
    reply={
        "id": Id(required=True),
        "code": Secret(required=True),
        "expires_at": Moment(required=True),
    },
    access=permission("account.manage"),
    errors=("not_found", "not_an_employee", "already_active", "right_not_held"),
    status=201,
    grants="profile",
    keeps_answer=False,
)
send_pickup_code = contract.command(
    "send_pickup_code",
    "Have a pick-up code made and sent to the employee's e-mail; nobody else sees it. The one before it is void.",
    request={"person_id": Id(required=True)},
    reply={"id": Id(required=True)},
    access=permission("account.manage"),
    errors=("not_found", "not_an_employee", "already_active", "details_missing", "right_not_held"),
    status=202,
    grants="profile",
)
send_pickup_codes = contract.command(
    "send_pickup_codes",
    "As `send_pickup_code`, for several employees at once. Those to whom none can be sent are answered; the others get theirs.",
    request={
        "person_ids": fields.List(
            Id(), required=True, validate=validate.Length(min=1, max=MOST_AT_ONCE, error=_HOW_MANY)
        )
    },
    reply={
        "sent": Count(required=True),
        "not_sent": fields.List(fields.Nested(UnsentCode), required=True),
    },
    access=permission("account.manage"),
    status=202,
)
mint_pickup_code = contract.command(
    "mint_pickup_code",
    "Make the pick-up code of a message at the moment it is rendered: its lifetime starts now. What was made for the "
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
    request={
        "person_id": Id(load_default=None, allow_none=True),
        "state": one_of(STATES, load_default=None, allow_none=True),
        **PAGE,
    },
    reply=page_of(PickupCodeView),
    access=permission("account.read"),
)
redeem_pickup_code = contract.command(
    "redeem_pickup_code",
    "Open an account of the Employee Portal with a pick-up code and credentials of the person's choice. `login` is the e-mail "
    "where the portal logs in with that.",
    request={
        "organisation": Code(required=True),
        "code": Secret(required=True, validate=validate.Length(min=1, max=64)),
        "login": Text(required=True, most=254),
        "email": EmailAddress(load_default=None, allow_none=True),
        "password": Secret(required=True, validate=validate.Length(min=1, max=256)),
    },
    reply={},
    access=PUBLIC,
    errors=("pickup_code_refused", "password_refused", "login_taken", "too_many_requests"),
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
