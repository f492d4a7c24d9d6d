"""From a session token to a passport: asked of identity on every request, so a revocation holds from the next one on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import flask

from services.chassis.rpc_client import RpcClient
from services.chassis.wire import CallContext
from services.contracts import identity
from services.contracts.declare import Operation
from services.contracts.errors import Refused


@dataclass(frozen=True)
class Admitted:
    """A call context that carries the passport, and the organisation whose files the request may name."""

    context: CallContext
    organisation_id: str | None


def admit(client: RpcClient, operation: Operation, context: CallContext) -> Admitted:
    """Get the passport that this operation needs. A public operation needs none; what is only for services is not found."""
    if operation.access.kind == "public":
        return Admitted(context, None)
    if operation.access.kind == "services":
        raise Refused("not_found", "There is no such address.")
    answer = client.call(
        identity.issue_passport, {"token": bearer_token(), "audience": operation.service}, context
    )
    return Admitted(replace(context, passport=answer["passport"]), answer["organisation_id"])


def bearer_token() -> str:
    """The token of the Authorization header (RFC 6750)."""
    scheme, _, token = flask.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused("unauthenticated", "Log in, and send the token as `Authorization: Bearer …`.")
    return token.strip()
