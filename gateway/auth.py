"""Exchanges a session token for a passport. Identity issues one for every request, so a revocation takes effect at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import flask

from gateway import cookies, cross_origin
from gateway.passports import Asked, Passports
from services.chassis.wire import CallContext
from services.contracts.declare import Operation
from services.contracts.errors import Refused
from services.contracts.identity.api_clients import TOKEN_MARK

# A page marks what it asks by itself, so that an open page does not keep a session alive.
BACKGROUND = "X-Portico-Background"
# Which addresses a realm and a portal are reached from is ruled there.
_RULE_NETWORKS = ("identity", "portals")


@dataclass(frozen=True)
class Admitted:
    """A call context with the passport, the organisation whose stored files the request may use, and whether an API client calls."""

    context: CallContext
    organisation_id: str | None
    is_api_client: bool = False


def is_background() -> bool:
    """Whether an open page asks by itself."""
    return flask.request.headers.get(BACKGROUND) == "1"


def admit(
    passports: Passports, operation: Operation, context: CallContext, token: Callable[[], str]
) -> Admitted:
    """Get the passport that the operation needs, for the session whose token this is. A public operation needs none.

    Raises Refused(not_found) for an operation that only services may call. The client's address goes to public operations,
    which count attempts by it, and to identity and portals, which have rules about networks. No other operation gets it.
    """
    if operation.access.kind == "public":
        return Admitted(context, None)
    if operation.access.kind == "services":
        raise Refused("not_found", "There is no such address.")
    session = token()
    issued = passports.issue(Asked(session, operation.service, context, is_background()))
    cross_origin.require_let_in(issued["organisation_id"])
    address = context.client_address if operation.service in _RULE_NETWORKS else None
    context = replace(context, passport=issued["passport"], client_address=address)
    return Admitted(context, issued["organisation_id"], session.startswith(TOKEN_MARK))


def session_token(public_url: str | None = None) -> str:
    """The token in the Authorization header (RFC 6750) or in the browser's cookie.

    Raises Refused(unauthenticated), or Refused(cross_site_refused) for a write by cookie from a foreign page.
    """
    if "Authorization" not in flask.request.headers and not cross_origin.comes_from_elsewhere():
        from_cookie = cookies.session_token()
        if from_cookie:
            if flask.request.method not in ("GET", "HEAD"):
                cookies.require_own_page(public_url)
            return from_cookie
    scheme, _, token = flask.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused("unauthenticated", "Log in, and send the token as `Authorization: Bearer …`.")
    return token.strip()
