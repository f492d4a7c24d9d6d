"""From a session token to a passport: asked of identity on every request, so a revocation holds from the next one on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import flask

from gateway import cookies
from services.chassis.rpc_client import RpcClient
from services.chassis.wire import CallContext
from services.contracts.declare import Operation
from services.contracts.errors import Refused
from services.contracts.identity import passports


@dataclass(frozen=True)
class Admitted:
    """A call context that carries the passport, and the organisation whose files the request may name."""

    context: CallContext
    organisation_id: str | None


def admit(
    client: RpcClient, operation: Operation, context: CallContext, public_url: str | None = None
) -> Admitted:
    """Get the passport that this operation needs. A public operation needs none; what is only for services is not found.

    The caller's address goes to public operations, which count tries by it, and to identity, which keeps the rules
    about networks; not further.
    """
    if operation.access.kind == "public":
        return Admitted(context, None)
    if operation.access.kind == "services":
        raise Refused("not_found", "There is no such address.")
    answer = client.call(
        passports.issue_passport, {"token": session_token(public_url), "audience": operation.service}, context
    )
    address = context.client_address if operation.service == "identity" else None
    context = replace(context, passport=answer["passport"], client_address=address)
    return Admitted(context, answer["organisation_id"])


def session_token(public_url: str | None = None) -> str:
    """The token of the Authorization header (RFC 6750), or of a browser's cookie.

    Raises Refused(unauthenticated), and Refused(cross_site_refused) for a write by cookie from a foreign page.
    """
    if "Authorization" not in flask.request.headers:
        from_cookie = cookies.session_token()
        if from_cookie:
            if flask.request.method not in ("GET", "HEAD"):
                cookies.require_own_page(public_url)
            return from_cookie
    scheme, _, token = flask.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused("unauthenticated", "Log in, and send the token as `Authorization: Bearer …`.")
    return token.strip()
