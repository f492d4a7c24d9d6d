"""API clients: other systems that call on their own behalf."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, Reply, Request, permission
from services.contracts.fields import Code, Id, Moment, Secret, Text, one_of
from services.contracts.identity import contract

KINDS = ("normal", "team", "test")
"""Whom messages reach that a client causes: everybody; only the organisation's own staff; nobody, as they are simulated."""
TOKEN_MARK, SECRET_MARK = "portico_api_", "portico_secret_"
"""How the tokens and secrets of API clients begin: scanners of repositories and logs, the gateway and identity know them by that."""


class ApiClient(Reply):
    """Another system that may call on its own behalf, limited to its scopes (permission codes)."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    kind = one_of(KINDS, required=True)
    scopes = fields.List(fields.String(), required=True)
    allowed_networks = fields.List(fields.String(), required=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True, allow_none=True)
    revoked_at = Moment(required=True, allow_none=True)
    last_used_at = Moment(required=True, allow_none=True)
    secrets_expire_at = fields.List(Moment(allow_none=True), required=True)


class NewApiClient(Request):
    """`allowed_networks` are CIDR ranges; an empty list allows every network.

    `kind` says whom the messages reach that the client causes: `normal` everybody, `team` only the organisation's own staff, `test`
    nobody: they are simulated.

    Without `expires_at` the client may call until it is revoked.
    """

    name = Text(required=True, most=100)
    kind = one_of(KINDS, load_default="normal")
    scopes = fields.List(
        fields.String(validate=validate.Length(max=64)), required=True, validate=validate.Length(1, 50)
    )
    allowed_networks = fields.List(
        fields.String(validate=validate.Length(max=50)), load_default=list, validate=validate.Length(max=50)
    )
    expires_at = Moment(load_default=None, allow_none=True)


class ChangedApiClient(NewApiClient):
    """The new values of an API client. They replace all the values before."""

    client_id = Id(required=True)


class ApiClientWithSecret(ApiClient):
    """An API client with its new secret, which is shown only this once."""

    secret = Secret(required=True)


open_api_session = contract.command(
    "open_api_session",
    "Exchange an API client's id and secret for a token, sent as `Authorization: Bearer`. The token is valid for an hour.",
    request={
        "client_id": Id(required=True),
        "client_secret": Secret(required=True, validate=validate.Length(min=1, max=128)),
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
    "All API clients by name, including revoked ones.",
    request={},
    reply={"items": fields.List(fields.Nested(ApiClient), required=True)},
    access=permission("organisation.manage"),
)
get_api_client = contract.query(
    "get_api_client",
    "One API client.",
    request={"client_id": Id(required=True)},
    reply=ApiClient,
    access=permission("organisation.manage"),
    errors=("not_found",),
)
create_api_client = contract.command(
    "create_api_client",
    "Let another system call. The answer shows its secret, this once. The caller can grant only scopes that it holds.",
    request=NewApiClient,
    reply=ApiClientWithSecret,
    access=permission("organisation.manage"),
    errors=("proof_required", "scope_refused"),
    status=201,
    keeps_answer=False,
    grants="scopes",
)
change_api_client = contract.command(
    "change_api_client",
    "Change name, scopes, networks and expiry of an API client. The caller must hold all the scopes. The change takes "
    "effect with the client's next call.",
    request=ChangedApiClient,
    reply=ApiClient,
    access=permission("organisation.manage"),
    errors=("not_found", "proof_required", "scope_refused", "api_client_revoked"),
    expects_version=True,
    grants="scopes",
)
rotate_api_secret = contract.command(
    "rotate_api_secret",
    "Make a new secret, shown only this once. The caller must hold the client's scopes. The secret before it stays valid "
    "for `overlap_hours`; older ones end.",
    request={
        "client_id": Id(required=True),
        "overlap_hours": fields.Integer(load_default=24, validate=validate.Range(0, 720)),
    },
    reply=ApiClientWithSecret,
    access=permission("organisation.manage"),
    errors=("not_found", "proof_required", "api_client_revoked", "right_not_held"),
    status=201,
    keeps_answer=False,
    grants="scopes",
)
revoke_api_client = contract.command(
    "revoke_api_client",
    "End an API client for good, with its secrets and tokens. Its next call is refused.",
    request={"client_id": Id(required=True)},
    reply=ApiClient,
    access=permission("organisation.manage"),
    errors=("not_found",),
    honours_version=True,
)
api_client_changed = contract.event(
    "api_client_changed",
    "An API client was created, changed, given a new secret, or revoked.",
    data={"client_id": Id(required=True), "change": Code(required=True)},
)
