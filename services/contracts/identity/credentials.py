"""Credentials: the links and temporary passwords that set a password, and changes of the log-in."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, SIGNED_IN, only_services
from services.contracts.fields import Code, Flag, Id, Secret, Text
from services.contracts.identity import contract
from services.contracts.identity.realms import REALMS

request_password_reset = contract.command(
    "request_password_reset",
    "Ask for a link that sets a new password. The answer is the same whether or not the account exists. Asking voids "
    "nothing: what was sent before works until one of the links is used.",
    request={
        "organisation": Code(required=True),
        "realm": fields.String(load_default="staff", validate=validate.OneOf(REALMS)),
        "login": Text(required=True, most=254),
    },
    reply={},
    access=PUBLIC,
    errors=("too_many_requests",),
    status=202,
)
# Where several people have one address, whose link it is; null otherwise.
_WHOSE = {
    "first_name": fields.String(required=True, allow_none=True),
    "masked_username": fields.String(
        required=True, allow_none=True, metadata={"description": "the first and the last letter: `m•••l`"}
    ),
}
inspect_credential_link = contract.query(
    "inspect_credential_link",
    "What a link is for, where its account signs in, and whether it can still be used. It stays usable: "
    "`redeem_credential_link` uses it up.",
    request={"token": Secret(required=True, validate=validate.Length(max=128))},
    reply={
        "purpose": fields.String(required=True),
        "state": fields.String(required=True, validate=validate.OneOf(["usable", "expired", "used_or_void"])),
        "needs_username": Flag(required=True),
        **_WHOSE,
        "organisation_key": Code(required=True),
        "organisation_name": fields.String(required=True),
        "realm": fields.String(required=True, validate=validate.OneOf(REALMS)),
    },
    access=PUBLIC,
    errors=("not_found",),
)
redeem_credential_link = contract.command(
    "redeem_credential_link",
    "Set the password with a link's token, which works once. Where the link says `needs_username` a username is set, "
    "too. This does not log in.",
    request={
        "token": Secret(required=True, validate=validate.Length(max=128)),
        "password": Secret(required=True, validate=validate.Length(max=256)),
        "username": Text(load_default=None, allow_none=True, most=254),
    },
    reply={},
    access=PUBLIC,
    errors=("link_refused", "password_refused", "too_many_requests", "login_taken"),
    status=204,
    keeps_answer=False,
)
mint_credential_link = contract.command(
    "mint_credential_link",
    "Make the link or temporary password of an invitation or reset, at the moment its message is rendered. Its lifetime "
    "starts now. What was made for the same message before is void.",
    request={"invitation_id": Id(required=True)},
    reply={
        "link": Secret(required=True, allow_none=True),
        "temporary_password": Secret(required=True, allow_none=True),
        "username": fields.String(required=True),
        "email": fields.String(required=True, allow_none=True),
        **_WHOSE,
        "lifetime_minutes": fields.Integer(required=True),
        "language": fields.String(required=True, allow_none=True),
        "purpose": fields.String(required=True),
        "realm": fields.String(required=True, validate=validate.OneOf(REALMS)),
        "organisation_name": fields.String(required=True),
    },
    access=only_services("notifications"),
    errors=("not_found", "account_disabled"),
    keeps_answer=False,
)
account_invited = contract.event(
    "account_invited",
    "A link that sets a password is to be sent. The link is made when its message is rendered.",
    data={
        "invitation_id": Id(required=True),
        "account_id": Id(required=True),
        "purpose": Code(required=True),
    },
)
password_set = contract.event(
    "password_set",
    "An account has a new password. `is_changed`: it had another one, or somebody else has set it.",
    data={"account_id": Id(required=True), "is_changed": Flag()},
)
change_my_password = contract.command(
    "change_my_password",
    "Change the password. All other sessions end.",
    request={
        "password": Secret(required=True, validate=validate.Length(min=1, max=256)),
        "new_password": Secret(required=True, validate=validate.Length(min=1, max=256)),
    },
    reply={},
    access=SIGNED_IN,
    before_consent=True,
    errors=("proof_refused", "password_refused", "too_many_requests"),
    status=204,
    keeps_answer=False,
)
request_new_link = contract.command(
    "request_new_link",
    "Ask for a new link to the same address, in place of one that has expired or was used. The answer is always the same.",
    request={"token": Secret(required=True, validate=validate.Length(min=1, max=128))},
    reply={},
    access=PUBLIC,
    errors=("too_many_requests",),
    status=202,
    keeps_answer=False,
)
describe_login_change = contract.query(
    "describe_login_change",
    "The address that an account had before its log-in changed or it was closed. The notice goes there.",
    request={"change_id": Id(required=True)},
    reply={"email": fields.String(required=True), "organisation_name": fields.String(required=True)},
    access=only_services("notifications"),
    errors=("not_found",),
)
account_closed = contract.event(
    "account_closed",
    "An account was closed because its owner has another one. A notice goes to its address.",
    data={"account_id": Id(required=True), "change_id": Id(required=True)},
)
login_email_changed = contract.event(
    "login_email_changed",
    "An account has another log-in e-mail. A notice goes to the address before.",
    data={"account_id": Id(required=True), "change_id": Id(required=True)},
)
