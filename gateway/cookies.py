"""The session cookie of browsers, and the check that a request with it comes from our own pages.

A browser sends the cookie with every request to us, also with one made by a foreign page. So a write is admitted only if
the browser reports our own page (Sec-Fetch-Site, Origin) and the page has set a header that a foreign page cannot set
(X-Portico-Request).
"""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qs, urlsplit

import flask

from services.contracts.errors import Refused

# The prefix makes browsers refuse the cookie unless it is Secure, for the whole site, and set by this host.
NAME = "__Host-session"
MARK = "X-Portico-Request"
# Binds a sign-in with an outside provider to the browser that began it. Each sign-in has its own cookie, named by its state,
# so that one browser can have several under way.
BEGUN = "__Host-sign-in-"
BEGUN_FOR_S = 600
BEGUN_AT_ONCE = 5
CHOICES_LAST_S = 365 * 86_400


def set_session(response: flask.Response, token: str) -> None:
    """Give the browser the token, out of reach of scripts. The cookie has no expiry: identity ends the session."""
    response.set_cookie(NAME, token, path="/", secure=True, httponly=True, samesite="Lax")


def clear_session(response: flask.Response) -> None:
    """Delete the session cookie."""
    _delete(response, NAME)


def set_browser_key(response: flask.Response, authorization_url: str, key: str) -> None:
    """Give the browser the key of the sign-in that it begins, and delete the oldest keys beyond BEGUN_AT_ONCE.

    SameSite is Lax, so that the browser sends the cookie when it comes back from the provider.
    """
    name = _name_of(parse_qs(urlsplit(authorization_url).query)["state"][0])
    # Browsers send the oldest first (RFC 6265, 5.4).
    others = [each for each in flask.request.cookies if each.startswith(BEGUN) and each != name]
    for each in others[: max(0, len(others) - BEGUN_AT_ONCE + 1)]:
        _delete(response, each)
    response.set_cookie(name, key, max_age=BEGUN_FOR_S, path="/", secure=True, httponly=True, samesite="Lax")


def clear_browser_key(response: flask.Response, state: str) -> None:
    """Delete the key of the sign-in with this state."""
    _delete(response, _name_of(state))


def browser_key(state: str) -> str | None:
    """The key of the sign-in with this state, if this browser began it."""
    return flask.request.cookies.get(_name_of(state))


def keep_choice(response: flask.Response, name: str, choice: str) -> None:
    """Let the browser keep what its person has chosen for all pages."""
    if flask.request.cookies.get(name) != choice:
        response.set_cookie(
            name, choice, max_age=CHOICES_LAST_S, path="/", secure=True, httponly=True, samesite="Lax"
        )


def _name_of(state: str) -> str:
    return BEGUN + hashlib.sha256(state.encode()).hexdigest()[:16]


def _delete(response: flask.Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="Lax")


def session_token() -> str | None:
    """The token in the request's cookie."""
    return flask.request.cookies.get(NAME)


def is_own_page(public_url: str | None) -> bool:
    """Whether the browser reports that the request was made by a page of this site."""
    site, origin = flask.request.headers.get("Sec-Fetch-Site"), flask.request.headers.get("Origin")
    hosts = {flask.request.host, host_of(public_url)} - {""}
    return (
        (site is not None or origin is not None)
        and site in (None, "same-origin")
        and (origin is None or host_of(origin) in hosts)
    )


def host_of(address: str | None) -> str:
    """Host and port of an address or origin; empty for one that no browser sends."""
    try:
        return urlsplit(address or "").netloc
    except ValueError:
        return ""


def require_own_page(public_url: str | None) -> None:
    """Raise Refused(cross_site_refused) unless the request was made by a page of this site.

    The origin must be the requested host, or that of `public_url` where a proxy changes the host.
    """
    headers = flask.request.headers
    if not (headers.get(MARK) == "1" and is_own_page(public_url)):
        raise Refused(
            "cross_site_refused",
            f"A request with the session cookie must come from this site's own page, with the header {MARK}: 1.",
            MARK,
        )
