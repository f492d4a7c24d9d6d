"""Passports: what a session's holder may do now, and on whose behalf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, SIGNED_IN, Reply, Request, only_services
from services.contracts.fields import Code, Flag, Id, Moment, Secret, Text, one_of
from services.contracts.identity import contract
from services.contracts.identity.accounts import Account, Preferences
from services.contracts.identity.realms import REALMS

MOST_PASSPORTS = 64  # that are asked for in one call

# The feature with which an organisation lets people act from a mail, without signing in.
ACT_FROM_MAIL = "act_from_mail"


@dataclass(frozen=True)
class MailAction:
    """What the link of a mail admits: `operations` on the one object that the argument `member` names, with `permissions`.

    The first permission must be held for a link to be made. Nothing of signing belongs here.
    """

    member: str
    permissions: tuple[str, ...]
    operations: tuple[str, ...]


MAIL_ACTIONS: Mapping[str, MailAction] = {
    "answer_referral": MailAction(
        "referral_id",
        ("referral.change_status",),
        ("referrals.get_answer_form", "referrals.accept_referral", "referrals.decline_referral"),
    ),
    "confirm_capacity": MailAction(
        "line_id",
        ("capacity.edit", "capacity.read"),
        ("referrals.get_capacity_line", "referrals.confirm_capacity", "referrals.edit_capacity_line"),
    ),
    "confirm_appointment": MailAction(
        "appointment_id",
        ("profile.send_messages", "profile.view_schedule"),
        ("portals.get_appointment_to_confirm", "portals.confirm_my_appointment"),
    ),
}


class AskedPassport(Request):
    """A session token, the service that the passport is for, and the address from which the token was used.

    `is_background`: no person has asked, so the session stays as idle as it was.
    """

    token = Secret(required=True, validate=validate.Length(max=128))
    audience = Code(required=True)
    client_address = Text(most=45, allow_none=True, load_default=None)
    is_background = Flag(load_default=False)


class IssuedPassport(Reply):
    """A passport, and its holder's organisation. Both are empty if the session has ended."""

    passport = Secret(required=True, allow_none=True)
    organisation_id = Id(required=True, allow_none=True)


class Profile(Reply):
    """A person's profile that an account of a portal reaches, the role, and what the role permits."""

    person_id = Id(required=True)
    role = Code(required=True)
    permissions = fields.List(fields.String(), required=True)


class Me(Account, Preferences):
    """The caller's own account, with what it may do now. Only accounts of a portal have profiles."""

    organisation_key = Code(required=True)
    organisation_name = fields.String(required=True)
    organisation_short_name = Code(required=True)
    organisation_telephone = fields.String(required=True, allow_none=True)
    organisation_postal_address = fields.String(required=True, allow_none=True)
    organisation_time_zone = fields.String(required=True)
    time_zone = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "the zone that the person has chosen for times; null where none is chosen"},
    )
    has_shortcuts = Flag(
        required=True,
        allow_none=True,
        metadata={"description": "whether staff's pages have keyboard shortcuts; null for everybody else"},
    )
    permissions = fields.List(fields.String(), required=True)
    profiles = fields.List(fields.Nested(Profile), required=True)
    expires_at = Moment(
        required=True, metadata={"description": "when the session ends, however much it is used"}
    )
    idle_ends_at = Moment(
        required=True, metadata={"description": "when the session ends unless it is used before"}
    )


issue_passports = contract.query(
    "issue_passports",
    "Exchange session tokens for passports to one service each, at most 60 seconds valid. The answers are in the order of "
    "the tokens; without a passport, the session has ended.",
    request={
        "asked": fields.List(
            fields.Nested(AskedPassport), required=True, validate=validate.Length(min=1, max=MOST_PASSPORTS)
        )
    },
    reply={"passports": fields.List(fields.Nested(IssuedPassport), required=True)},
    access=PUBLIC,
    is_routed=False,
)
describe_me = contract.query(
    "describe_me", "The caller's own account.", request={}, reply=Me, access=SIGNED_IN, before_consent=True
)
check_permission = contract.query(
    "check_permission",
    "Whether an account or an API client may still do something: for work that goes on after its request. With `person_id`: whether "
    "it may on that person's profile. False for one that is disabled, revoked or of another organisation.",
    request={
        "account_id": Id(required=True),
        "permission": Text(required=True, most=64),
        "person_id": Id(load_default=None, allow_none=True),
    },
    reply={"is_allowed": Flag(required=True)},
    access=only_services("referrals", "portals"),
)
mint_mail_link = contract.command(
    "mint_mail_link",
    "Make the link with which an account acts from a mail without signing in, at the moment the mail is rendered. It holds for "
    "seven days, while the object is in this state and the account as it is. A link made for the same message before is void. "
    "`link` is null where the organisation allows none or the account may not do it.",
    request={
        "account_id": Id(required=True),
        "message_id": Id(required=True),
        "purpose": one_of(tuple(MAIL_ACTIONS), required=True),
        "object_id": Id(required=True),
        "object_state": Code(required=True),
    },
    reply={"link": Secret(required=True, allow_none=True)},
    access=only_services("notifications"),
    errors=("not_found",),
    keeps_answer=False,
)
inspect_mail_link = contract.query(
    "inspect_mail_link",
    "What the link of a mail is for, and whether it can still be used. Nothing is used up. Its token is sent as "
    "`Authorization: Bearer` with the operations that it admits.",
    request={"token": Secret(required=True, validate=validate.Length(max=128))},
    reply={
        "purpose": one_of(tuple(MAIL_ACTIONS), required=True),
        "object_id": Id(required=True),
        "state": one_of(("usable", "expired", "ended"), required=True),
        "organisation_key": Code(required=True),
        "organisation_name": fields.String(required=True),
        "realm": one_of(REALMS, required=True),
    },
    access=PUBLIC,
    errors=("not_found",),
)
