"""Identity's operations on sessions, second factors, API clients and links that no longer hold. Part of its contract."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, SIGNED_IN, Reply, Request, permission
from services.contracts.fields import Code, Flag, Id, Moment, Secret, Text
from services.contracts.identity import Account, contract

_TOKEN = validate.Length(min=1, max=128)
_CODE = validate.Length(min=6, max=40)


class LoginSession(Reply):
    """A session that holds. Where it is used from is not kept."""

    id = Id(required=True)
    created_at = Moment(required=True)
    last_seen_at = Moment(required=True)
    expires_at = Moment(required=True)
    is_current = Flag(required=True)


class SecondFactor(Reply):
    """What an account has beside its password. `is_demanded`: it cannot be without, so it cannot be removed."""

    is_enabled = Flag(required=True)
    is_demanded = Flag(required=True)
    enabled_at = Moment(required=True, allow_none=True)
    recovery_codes_left = fields.Integer(required=True)


class Enrolment(Reply):
    """A secret for an authenticator app (RFC 6238: SHA-1, 6 digits, 30 s), to type in or as the text of a QR code."""

    secret = Secret(required=True)
    uri = Secret(required=True)


class ApiClient(Reply):
    """Another system that may call on its own behalf, limited to its scopes (permission codes)."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    scopes = fields.List(fields.String(), required=True)
    allowed_networks = fields.List(fields.String(), required=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True, allow_none=True)
    revoked_at = Moment(required=True, allow_none=True)
    last_used_at = Moment(required=True, allow_none=True)
    secrets_expire_at = fields.List(Moment(allow_none=True), required=True)


class NewApiClient(Request):
    """`allowed_networks` are CIDR ranges, empty for everywhere; without `expires_at` it ends when it is revoked."""

    name = Text(required=True, most=100)
    scopes = fields.List(
        fields.String(validate=validate.Length(max=64)), required=True, validate=validate.Length(1, 50)
    )
    allowed_networks = fields.List(
        fields.String(validate=validate.Length(max=50)), load_default=list, validate=validate.Length(max=50)
    )
    expires_at = Moment(load_default=None, allow_none=True)


class ChangedApiClient(NewApiClient):
    """All of it anew."""

    client_id = Id(required=True)


class ApiClientWithSecret(ApiClient):
    """With its secret, which is shown this once."""

    secret = Secret(required=True)


_RECOVERY_CODES = fields.List(Secret(), required=True)
_SESSIONS = {"items": fields.List(fields.Nested(LoginSession), required=True)}
_ENDED = {"ended": fields.Integer(required=True)}

# Sessions

list_my_sessions = contract.query(
    "list_my_sessions",
    "The caller's sessions that hold, newest first.",
    request={},
    reply=_SESSIONS,
    access=SIGNED_IN,
)
end_my_session = contract.command(
    "end_my_session",
    "End one of the caller's sessions.",
    request={"session_id": Id(required=True)},
    reply={},
    access=SIGNED_IN,
    errors=("not_found",),
    status=204,
)
end_my_other_sessions = contract.command(
    "end_my_other_sessions",
    "End all of the caller's sessions but this one.",
    request={},
    reply=_ENDED,
    access=SIGNED_IN,
)
list_account_sessions = contract.query(
    "list_account_sessions",
    "An account's sessions that hold, newest first.",
    request={"account_id": Id(required=True)},
    reply=_SESSIONS,
    access=permission("account.read"),
    errors=("not_found",),
)
end_account_sessions = contract.command(
    "end_account_sessions",
    "End all sessions of an account, or one of them; it holds from the next request on.",
    request={"account_id": Id(required=True), "session_id": Id(load_default=None, allow_none=True)},
    reply=_ENDED,
    access=permission("account.manage"),
    errors=("not_found",),
)
prove_myself = contract.command(
    "prove_myself",
    "Give the password again, or a code where there is a second factor: what is sensitive is open for a quarter of an hour.",
    request={
        "password": Secret(load_default=None, allow_none=True, validate=validate.Length(min=1, max=256)),
        "code": Secret(load_default=None, allow_none=True, validate=_CODE),
    },
    reply={"proven_at": Moment(required=True)},
    access=SIGNED_IN,
    errors=("proof_refused", "too_many_requests"),
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
    errors=("proof_refused", "password_refused", "too_many_requests"),
    status=204,
    keeps_answer=False,
)

# Second factor

complete_log_in = contract.command(
    "complete_log_in",
    "Complete a log-in that was answered `second_factor_required`, with a code of the app or a recovery code. "
    "Where a second factor had to be set up first, the recovery codes are in the answer, this once.",
    request={
        "challenge": Secret(required=True, validate=_TOKEN),
        "code": Secret(required=True, validate=_CODE),
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
    "Set up a second factor on the way in, where one is demanded and there is none: `complete_log_in` confirms it.",
    request={"challenge": Secret(required=True, validate=_TOKEN)},
    reply=Enrolment,
    access=PUBLIC,
    errors=("challenge_refused", "second_factor_is_on", "too_many_requests"),
    status=201,
    keeps_answer=False,
)
get_my_second_factor = contract.query(
    "get_my_second_factor",
    "Whether the caller has a second factor and must have one.",
    request={},
    reply=SecondFactor,
    access=SIGNED_IN,
)
start_second_factor = contract.command(
    "start_second_factor",
    "Begin to set up a second factor. It holds once `confirm_second_factor` was given a code.",
    request={},
    reply=Enrolment,
    access=SIGNED_IN,
    errors=("proof_required", "second_factor_is_on"),
    status=201,
    keeps_answer=False,
)
confirm_second_factor = contract.command(
    "confirm_second_factor",
    "Put the second factor into effect with its first code. The ten recovery codes are shown this once.",
    request={"code": Secret(required=True, validate=_CODE)},
    reply={"recovery_codes": _RECOVERY_CODES},
    access=SIGNED_IN,
    errors=("proof_refused", "second_factor_is_on", "second_factor_is_off", "too_many_requests"),
    keeps_answer=False,
)
renew_recovery_codes = contract.command(
    "renew_recovery_codes",
    "Ten new recovery codes; the ones before are void.",
    request={},
    reply={"recovery_codes": _RECOVERY_CODES},
    access=SIGNED_IN,
    errors=("proof_required", "second_factor_is_off"),
    keeps_answer=False,
)
remove_second_factor = contract.command(
    "remove_second_factor",
    "Be without a second factor again. Not where the realm, the role or a short password demands one.",
    request={},
    reply={},
    access=SIGNED_IN,
    errors=("proof_required", "second_factor_is_off", "second_factor_demanded"),
    status=204,
)
reset_second_factor = contract.command(
    "reset_second_factor",
    "Take away the second factor of somebody who has lost it. All sessions of the account end.",
    request={"account_id": Id(required=True)},
    reply={},
    access=permission("account.manage"),
    errors=("not_found", "proof_required", "second_factor_is_off"),
    status=204,
)
set_role_second_factor = contract.command(
    "set_role_second_factor",
    "Whether accounts of a security level must have a second factor. It is asked for from the next log-in on.",
    request={"security_level": Code(required=True), "is_required": Flag(required=True)},
    reply={"security_level": Code(required=True), "is_required": Flag(required=True)},
    access=permission("organisation.manage"),
    errors=("not_found",),
)

# Other systems

open_api_session = contract.command(
    "open_api_session",
    "Exchange an API client's id and secret for a token that holds for an hour, sent as `Authorization: Bearer`.",
    request={
        "client_id": Id(required=True),
        "client_secret": Secret(required=True, validate=_TOKEN),
    },
    reply={
        "token": Secret(required=True),
        "expires_at": Moment(required=True),
        "scopes": fields.List(fields.String(), required=True),
    },
    access=PUBLIC,
    errors=("credentials_refused", "too_many_requests"),
    status=201,
    keeps_answer=False,
)
list_api_clients = contract.query(
    "list_api_clients",
    "All API clients by name, with those that were revoked.",
    request={},
    reply={"items": fields.List(fields.Nested(ApiClient), required=True)},
    access=permission("organisation.manage"),
)
create_api_client = contract.command(
    "create_api_client",
    "Let another system call. Its secret is shown this once. Nobody can grant a scope that he does not hold.",
    request=NewApiClient,
    reply=ApiClientWithSecret,
    access=permission("organisation.manage"),
    errors=("proof_required", "scope_refused"),
    status=201,
    keeps_answer=False,
)
change_api_client = contract.command(
    "change_api_client",
    "Change name, scopes, networks and end of an API client; it holds from its next call on.",
    request=ChangedApiClient,
    reply=ApiClient,
    access=permission("organisation.manage"),
    errors=("not_found", "proof_required", "scope_refused", "api_client_revoked"),
    expects_version=True,
)
rotate_api_secret = contract.command(
    "rotate_api_secret",
    "Make a new secret, shown this once. The one before holds for `overlap_hours` more; any older one ends.",
    request={
        "client_id": Id(required=True),
        "overlap_hours": fields.Integer(load_default=24, validate=validate.Range(0, 720)),
    },
    reply=ApiClientWithSecret,
    access=permission("organisation.manage"),
    errors=("not_found", "proof_required", "api_client_revoked"),
    status=201,
    keeps_answer=False,
)
revoke_api_client = contract.command(
    "revoke_api_client",
    "End an API client for good, with its secrets and tokens, from its next call on.",
    request={"client_id": Id(required=True)},
    reply=ApiClient,
    access=permission("organisation.manage"),
    errors=("not_found",),
)

# Links that no longer hold

request_new_link = contract.command(
    "request_new_link",
    "Ask for a new link in place of one that has expired or was used, to the same address. The answer is always the same.",
    request={"token": Secret(required=True, validate=_TOKEN)},
    reply={},
    access=PUBLIC,
    errors=("too_many_requests",),
    status=202,
    keeps_answer=False,
)

second_factor_changed = contract.event(
    "second_factor_changed",
    "An account's second factor was enabled, removed by its owner, or reset by an administrator.",
    data={"account_id": Id(required=True), "change": Code(required=True)},
)
api_client_changed = contract.event(
    "api_client_changed",
    "An API client was created, changed, given a new secret, or revoked.",
    data={"client_id": Id(required=True), "change": Code(required=True)},
)
