"""OAuth 2 for other systems: client credentials (RFC 6749, section 4.4) and the documents that announce them.

An API client of identity is the OAuth client; its id and secret come as HTTP Basic or in the form. The scopes of a token are those of
the client: permissions such as `referral.read`, and the SMART scopes (`system/Task.rs`) that they stand for. Announced at
`/.well-known/oauth-authorization-server` (RFC 8414) and below the FHIR base as `.well-known/smart-configuration`.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote_plus

import flask

from gateway import fhir, requests
from gateway.dispatch import Dispatcher
from services.chassis.wire import encode
from services.contracts.errors import Refused
from services.contracts.identity import api_clients
from services.contracts.portals import fhir as portals
from services.contracts.referrals.fhir import RESOURCE_TYPES, fhir_search

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - an address
# Which permission a SMART scope stands for; `*` is for referrals and their directory, other types are named. `rs` (read and
# search) is how SMART 2 writes it, `read` SMART 1.
SMART: Mapping[str, str] = {
    f"system/{name}.{verb}": fhir_search.access.permission or ""
    for name in ("*", *RESOURCE_TYPES)
    for verb in ("rs", "read")
} | {
    f"system/{name}.{verb}": read.access.permission or ""
    for name, (read, _) in portals.OPERATIONS.items()
    for verb in ("rs", "read")
}


class TokenRefused(Exception):
    """A refusal in the words of RFC 6749, section 5.2."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code, self.description = code, description


def register(app: flask.Flask, dispatcher: Dispatcher, public_url: str | None) -> None:
    """Serve the token endpoint and its announcements."""

    @app.post(TOKEN_PATH)
    def oauth_token() -> flask.Response:
        try:
            return _answer(200, _token(dispatcher))
        except TokenRefused as refusal:
            status = 401 if refusal.code == "invalid_client" else 400
            response = _answer(status, {"error": refusal.code, "error_description": refusal.description})
            if status == 401:
                response.headers["WWW-Authenticate"] = 'Basic realm="portico"'
            return response

    def document() -> flask.Response:
        root = (public_url or flask.request.url_root).rstrip("/")
        return _answer(200, announcement(root))

    for path in (
        f"{fhir.BASE_PATH}/.well-known/smart-configuration",
        "/.well-known/oauth-authorization-server",
    ):
        app.add_url_rule(path, f"oauth {path}", document, methods=["GET"])


def announcement(root: str) -> dict[str, Any]:
    """What a client has to know, in the members that SMART and RFC 8414 name. `root` is our own address."""
    return {
        "issuer": root,
        "token_endpoint": root + TOKEN_PATH,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": sorted(SMART),
        "service_documentation": f"{root}/docs",
        "capabilities": ["client-confidential-symmetric", "permission-v1", "permission-v2"],
    }


def granted(wanted: str, held: Collection[str]) -> str:
    """The scopes of a token, of a client with these permissions. Raises TokenRefused where it asks for what it has not."""
    smart = {scope for scope, permission in SMART.items() if permission in held}
    missing = sorted(set(wanted.split()) - smart - set(held))
    if missing:
        raise TokenRefused(
            "invalid_scope", "The client does not have all of these scopes; ask an administrator."
        )
    return " ".join([*sorted(held), *sorted(smart)])


def _token(dispatcher: Dispatcher) -> dict[str, Any]:
    form = flask.request.form
    if flask.request.mimetype != requests.FORM or any(len(form.getlist(name)) > 1 for name in form):
        raise TokenRefused("invalid_request", f"Send each parameter once, as {requests.FORM}.")
    if flask.request.args:
        # Addresses are logged on the way, and nothing secret may stand there (RFC 6749, section 2.3.1).
        raise TokenRefused("invalid_request", "Send every parameter in the body, and none in the address.")
    if "grant_type" not in form:
        raise TokenRefused("invalid_request", "grant_type is missing.")
    if form["grant_type"] != "client_credentials":
        raise TokenRefused("unsupported_grant_type", "Only client_credentials is offered.")
    client_id, secret = _credentials()
    try:
        opened = dispatcher.ask(
            api_clients.open_api_session, {"client_id": client_id, "client_secret": secret}
        )
    except Refused as refusal:
        if refusal.code in ("credentials_refused", "invalid_request"):
            raise TokenRefused(
                "invalid_client", "Id or secret is wrong, or the client cannot call."
            ) from None
        raise
    expires_at = api_clients.open_api_session.reply.load(opened)["expires_at"]
    return {
        "access_token": opened["token"],
        "token_type": "Bearer",
        "expires_in": max(0, int((expires_at - datetime.datetime.now(datetime.UTC)).total_seconds())),
        "scope": granted(form.get("scope", ""), opened["scopes"]),
    }


def _credentials() -> tuple[str, str]:
    """Id and secret of the client; by one of the two ways (RFC 6749, section 2.3.1)."""
    form, basic = flask.request.form, flask.request.authorization
    is_in_form = "client_secret" in form
    if basic is not None:
        if basic.type != "basic" or is_in_form or basic.username is None:
            raise TokenRefused("invalid_request", "Identify the client in one way: HTTP Basic or the form.")
        return unquote_plus(basic.username), unquote_plus(basic.password or "")
    if not is_in_form or "client_id" not in form:
        raise TokenRefused("invalid_client", "Send id and secret by HTTP Basic, or in the form.")
    return form["client_id"], form["client_secret"]


def _answer(status: int, members: Mapping[str, Any]) -> flask.Response:
    response = flask.Response(encode(members), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
