"""The session cookie of browsers, and the proof that a request which relies on it comes from our own pages.

A browser sends a cookie with every request to us, whoever's page asked for it. So a write is let in only where the
browser says that the page is ours (Sec-Fetch-Site, Origin) and the page has set a header that a foreign one cannot set
without our leave (X-Portico-Request).
"""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qs, urlsplit

import flask

from services.contracts.errors import Refused

# The prefix makes the browser refuse it unless it is Secure, for the whole site, and from this very host.
NAME = "__Host-session"
MARK = "X-Portico-Request"
# Binds a sign-in that was begun with an outside provider to this browser: what comes back elsewhere is refused. Each has
# a cookie of its own, named by its state, so that two pages of one browser can be on their way at once.
BEGUN = "__Host-sign-in-"
BEGUN_FOR_S = 600
BEGUN_AT_ONCE = 5
# Which second step this browser is at: a link with a stranger's challenge would sign its reader in to the stranger's account.
STEP = "__Host-second-step"
STEP_FOR_S = 300


def set_session(response: flask.Response, token: str) -> None:
    """Give the browser the token, out of reach of the page's scripts. When it ends is for identity to say."""
    response.set_cookie(NAME, token, path="/", secure=True, httponly=True, samesite="Lax")


def clear_session(response: flask.Response) -> None:
    """Take the token back."""
    _delete(response, NAME)


def set_browser_key(response: flask.Response, authorization_url: str, key: str) -> None:
    """Give the browser the key of a sign-in that it has begun, and take those back that it began long before.

    Lax: it comes along when the provider sends the browser back.
    """
    name = _name_of(parse_qs(urlsplit(authorization_url).query)["state"][0])
    # Browsers send the oldest first (RFC 6265, 5.4).
    others = [each for each in flask.request.cookies if each.startswith(BEGUN) and each != name]
    for each in others[: max(0, len(others) - BEGUN_AT_ONCE + 1)]:
        _delete(response, each)
    response.set_cookie(name, key, max_age=BEGUN_FOR_S, path="/", secure=True, httponly=True, samesite="Lax")


def set_step(response: flask.Response, step: str) -> None:
    """Note that this browser was sent to do this step. The page compares it with its address, so scripts may read it."""
    response.set_cookie(STEP, step, max_age=STEP_FOR_S, path="/", secure=True, samesite="Lax")


def clear_browser_key(response: flask.Response, state: str) -> None:
    """Take the key of the sign-in with this state back."""
    _delete(response, _name_of(state))


def browser_key(state: str) -> str | None:
    """The key of the sign-in with this state, if this browser has begun it."""
    return flask.request.cookies.get(_name_of(state))


def _name_of(state: str) -> str:
    return BEGUN + hashlib.sha256(state.encode()).hexdigest()[:16]


def _delete(response: flask.Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="Lax")


def session_token() -> str | None:
    """The token of the request's cookie."""
    return flask.request.cookies.get(NAME)


def require_own_page(public_url: str | None) -> None:
    """Raise Refused(cross_site_refused) unless the request was made by a page of this site.

    The page's origin is the host that was asked for, or that of `public_url` where a proxy changes the host.
    """
    headers = flask.request.headers
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    hosts = {flask.request.host, urlsplit(public_url or "").netloc} - {""}
    is_ours = (
        headers.get(MARK) == "1"
        and (site is not None or origin is not None)
        and site in (None, "same-origin")
        and (origin is None or urlsplit(origin).netloc in hosts)
    )
    if not is_ours:
        raise Refused(
            "cross_site_refused",
            f"A request with the session cookie must come from this site's own page, with the header {MARK}: 1.",
            MARK,
        )
