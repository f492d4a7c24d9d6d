"""The organisation that a page speaks for: its name, telephone number and postal address stand on every page where it is known.

It is known from the session, from the address of an entrance, or from a mailed link. A sealed cookie keeps it for the pages of
errors and ended sessions, which know nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask

from gateway.web.protection import Protection

COOKIE = "__Host-organisation"
_LASTS_S = 90 * 86_400
_PURPOSE = "organisation"
_FACTS = ("key", "short_name", "name", "telephone", "time_zone")


def know(facts: Mapping[str, Any], realm: str | None = None) -> None:
    """The page of this request is one of this organisation, as `get_public_organisation` describes it."""
    # While services are exchanged, one from before may answer without the address.
    more = {"postal_address": facts.get("postal_address"), "realm_code": realm}
    flask.g.contact = {name: facts[name] for name in _FACTS} | more


def know_of(me: Mapping[str, Any]) -> None:
    """The page of this request is for somebody who has signed in."""
    more = {"postal_address": me.get("organisation_postal_address")}
    know({name: me[f"organisation_{name}"] for name in _FACTS} | more, me["realm"])


def known(protection: Protection) -> Mapping[str, Any] | None:
    """The organisation of this request; else the one that this browser was with last."""
    return flask.g.get("contact") or _kept(protection)


def keep(protection: Protection, response: flask.Response) -> None:
    """Let the browser keep the organisation of this request."""
    contact = flask.g.get("contact")
    if contact and contact != _kept(protection):
        sealed = protection.sealed(contact, _PURPOSE, _LASTS_S)
        response.set_cookie(
            COOKIE, sealed, max_age=_LASTS_S, path="/", secure=True, httponly=True, samesite="Lax"
        )


def dial(telephone: str) -> str:
    """The address that calls a number."""
    number, _, extension = telephone.partition(" ext. ")
    return f"tel:{number.replace(' ', '-')}" + (f";ext={extension}" if extension else "")


def _kept(protection: Protection) -> Mapping[str, Any] | None:
    kept: dict[str, Any] | None = protection.opened(flask.request.cookies.get(COOKIE, ""), _PURPOSE)
    return kept
