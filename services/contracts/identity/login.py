"""Logging in with a password and a second factor, and proving again who one is."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, SIGNED_IN, Request
from services.contracts.fields import Code, Moment, Secret, Text
from services.contracts.identity import contract
from services.contracts.identity.accounts import Account
from services.contracts.identity.realms import REALMS
from services.contracts.identity.second_factor import CODE_LENGTH, Enrolment


class LogIn(Request):
    """Credentials. `organisation` is the organisation's key.

    Staff and providers share one space of logins, so either realm finds both. `new_password` is needed with a temporary
    password (S1-16) and is ignored with any other.
    """

    organisation = Code(required=True)
    realm = fields.String(load_default="staff", validate=validate.OneOf(REALMS))
    login = Text(required=True, most=254)
    password = Secret(required=True, validate=validate.Length(min=1, max=256))
    new_password = Secret(load_default=None, allow_none=True, validate=validate.Length(min=1, max=256))


log_in = contract.command(
    "log_in",
    "Log in with a password. The answer shows the token, this once; later calls send it as `Authorization: Bearer`.",
    request=LogIn,
    reply={
        "token": Secret(required=True),
        "expires_at": Moment(required=True),
        "account": fields.Nested(Account, required=True),
    },
    access=PUBLIC,
    errors=(
        "second_factor_required",
        "credentials_refused",
        "feature_is_off",
        "too_many_requests",
        "password_change_required",
        "password_refused",
        "outside_sign_in_required",
    ),
    status=201,
    keeps_answer=False,
)
_TOKEN = validate.Length(min=1, max=128)
prove_myself = contract.command(
    "prove_myself",
    "Give the password again, or a code where there is a second factor. Sensitive operations are open for 15 minutes.",
    request={
        "password": Secret(load_default=None, allow_none=True, validate=validate.Length(min=1, max=256)),
        "code": Secret(load_default=None, allow_none=True, validate=CODE_LENGTH),
    },
    reply={"proven_at": Moment(required=True)},
    access=SIGNED_IN,
    before_consent=True,
    errors=("proof_refused", "too_many_requests"),
)
complete_log_in = contract.command(
    "complete_log_in",
    "Complete a log-in that was answered `second_factor_required`, with a code of the app or a recovery code. "
    "Where a second factor had to be set up first, the answer shows the recovery codes, this once.",
    request={
        "challenge": Secret(required=True, validate=_TOKEN),
        "code": Secret(required=True, validate=CODE_LENGTH),
    },
    reply={
        "token": Secret(required=True),
        "expires_at": Moment(required=True),
        "account": fields.Nested(Account, required=True),
        "recovery_codes": fields.List(Secret()),
    },
    access=PUBLIC,
    errors=("challenge_refused", "credentials_refused", "feature_is_off", "too_many_requests"),
    status=201,
    keeps_answer=False,
)
start_second_factor_at_log_in = contract.command(
    "start_second_factor_at_log_in",
    "Set up a second factor during a log-in that demands one, for an account without. `complete_log_in` confirms it.",
    request={"challenge": Secret(required=True, validate=_TOKEN)},
    reply=Enrolment,
    access=PUBLIC,
    errors=("challenge_refused", "second_factor_is_on", "too_many_requests"),
    status=201,
    keeps_answer=False,
)
