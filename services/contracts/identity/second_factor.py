"""Second factors: an app's one-time codes and recovery codes."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import SIGNED_IN, Reply, permission
from services.contracts.fields import Code, Flag, Id, Moment, Secret
from services.contracts.identity import contract

# A one-time code, or a recovery code with its dashes.
CODE_LENGTH = validate.Length(min=6, max=40)


class SecondFactor(Reply):
    """An account's second factor. `is_demanded`: the account must have one, so it cannot be removed."""

    is_enabled = Flag(required=True)
    is_demanded = Flag(required=True)
    enabled_at = Moment(required=True, allow_none=True)
    recovery_codes_left = fields.Integer(required=True)


class Enrolment(Reply):
    """A secret for an authenticator app (RFC 6238: SHA-1, 6 digits, 30 s), to type in or as the text of a QR code."""

    secret = Secret(required=True)
    uri = Secret(required=True)


_RECOVERY_CODES = fields.List(Secret(), required=True)
get_my_second_factor = contract.query(
    "get_my_second_factor",
    "Whether the caller has a second factor and must have one.",
    request={},
    reply=SecondFactor,
    access=SIGNED_IN,
    before_consent=True,
)
start_second_factor = contract.command(
    "start_second_factor",
    "Begin to set up a second factor. It takes effect when `confirm_second_factor` is given a code.",
    request={},
    reply=Enrolment,
    access=SIGNED_IN,
    before_consent=True,
    errors=("proof_required", "second_factor_is_on"),
    status=201,
    keeps_answer=False,
)
confirm_second_factor = contract.command(
    "confirm_second_factor",
    "Put the second factor into effect with its first code. The ten recovery codes are shown only now.",
    request={"code": Secret(required=True, validate=CODE_LENGTH)},
    reply={"recovery_codes": _RECOVERY_CODES},
    access=SIGNED_IN,
    before_consent=True,
    errors=("proof_refused", "too_many_requests"),
    keeps_answer=False,
)
renew_recovery_codes = contract.command(
    "renew_recovery_codes",
    "Make ten new recovery codes. The former ones are void.",
    request={},
    reply={"recovery_codes": _RECOVERY_CODES},
    access=SIGNED_IN,
    before_consent=True,
    errors=("proof_required", "second_factor_is_off"),
    keeps_answer=False,
)
remove_second_factor = contract.command(
    "remove_second_factor",
    "Remove the caller's second factor. Refused where the realm, the role or a short password demands one.",
    request={},
    reply={},
    access=SIGNED_IN,
    before_consent=True,
    errors=("proof_required", "second_factor_is_off", "second_factor_demanded"),
    status=204,
)
reset_second_factor = contract.command(
    "reset_second_factor",
    "Remove the second factor of somebody who has lost it. All sessions of the account end.",
    request={"account_id": Id(required=True)},
    reply={},
    access=permission("account.manage"),
    errors=("not_found", "proof_required", "second_factor_is_off", "right_not_held"),
    status=204,
    grants="sign_in",
)
set_role_second_factor = contract.command(
    "set_role_second_factor",
    "Set whether accounts of a security level must have a second factor. It is asked for from the next log-in on.",
    request={"security_level": Code(required=True), "is_required": Flag(required=True)},
    reply={"security_level": Code(required=True), "is_required": Flag(required=True)},
    access=permission("organisation.manage"),
    errors=("not_found", "right_not_held", "own_rights"),
    grants="level",
)
second_factor_changed = contract.event(
    "second_factor_changed",
    "An account's second factor was enabled, removed by its owner, or reset by an administrator.",
    data={"account_id": Id(required=True), "change": Code(required=True)},
)
