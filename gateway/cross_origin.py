"""Web frontends elsewhere: pages of other origins that call the API in their visitors' browsers (CORS, Fetch standard).

An organisation names the origins that it lets in (`set_web_origins`), each exactly. They come with a bearer token, and the cookie of
a visitor counts as none, so a page elsewhere never acts as whoever is signed in here. Any other origin is answered as before:
without the headers, browsers give the answer to no page.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection

import flask

from gateway.cookies import host_of
from services.contracts.errors import Refused
from services.contracts.web_addresses import web_origin

FOR_API = ("/v1/", "/fhir/", "/openapi.json")
ASKED_AGAIN_AFTER_S = 30.0
MOST_REMEMBERED = 1000
PREFLIGHT_KEPT_S = 600  # an origin that is taken away has gone after ten minutes
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_SENT = "Authorization, Client-Reference, Content-Type, Idempotency-Key, If-Match, Prefer, Traceparent, X-Correlation-Id"
_SEEN = "Content-Disposition, Content-Location, ETag, Location, Retry-After, X-Correlation-Id, X-Progress"
Ask = Callable[[str], Collection[str]]


class CrossOrigin:
    """Who may call from where. `ask` gives the organisations that have named an origin; its answers are kept for half a minute."""

    def __init__(self, ask: Ask, public_url: str | None, now: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._own_host = host_of(public_url)
        self._now = now
        self._known: OrderedDict[str, tuple[float, frozenset[str]]] = OrderedDict()

    def register(self, app: flask.Flask) -> None:
        """Look at every request to the API."""
        app.before_request(self.begin)
        app.after_request(self.finish)

    def begin(self) -> flask.Response | None:
        """Note from where a request comes. Answers a preflight."""
        flask.g.foreign_origin = flask.g.let_in_by = None
        if not is_for_api(flask.request.path):
            return None
        origin = flask.request.headers.get("Origin")
        if origin is None or self._is_own(origin):
            return None
        let_in_by = self._organisations(origin)
        if let_in_by:
            flask.g.foreign_origin, flask.g.let_in_by = origin, let_in_by
        if flask.request.method == "OPTIONS" and "Access-Control-Request-Method" in flask.request.headers:
            return _preflight(is_let_in=bool(let_in_by))
        return None

    def finish(self, response: flask.Response) -> flask.Response:
        """Let the page at the origin read the answer."""
        if is_for_api(flask.request.path):
            response.vary.add("Origin")
        origin = flask.g.get("foreign_origin")
        if origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _SEEN
        return response

    def _is_own(self, origin: str) -> bool:
        return host_of(origin) in (flask.request.host, self._own_host)

    def _organisations(self, origin: str) -> frozenset[str]:
        if not _can_be_let_in(origin):
            return frozenset()
        until, found = self._known.get(origin, (0.0, frozenset()))
        if until <= self._now():
            found = frozenset(self._ask(origin))
            self._known[origin] = (self._now() + ASKED_AGAIN_AFTER_S, found)
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return found


def _can_be_let_in(origin: str) -> bool:
    """Whether an organisation could have named this origin. Nobody is asked about any other."""
    try:
        return web_origin(origin) == origin
    except ValueError:
        return False


def is_for_api(path: str) -> bool:
    """Whether an address is one of programs. Pages are read by no other origin."""
    return path.startswith(FOR_API)


def comes_from_elsewhere() -> bool:
    """Whether the current request comes from a page of another origin that is let in."""
    return flask.g.get("foreign_origin") is not None


def require_let_in(organisation_id: str | None) -> None:
    """Raise Refused(origin_not_allowed) unless the caller's organisation has named the origin that the request comes from."""
    if comes_from_elsewhere() and organisation_id not in flask.g.let_in_by:
        raise Refused(
            "origin_not_allowed",
            "Your organisation does not let pages of this origin in: ask its administrators.",
        )


def _preflight(*, is_let_in: bool) -> flask.Response:
    response = flask.Response(status=204)
    if is_let_in:
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Allow-Headers"] = _SENT
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_KEPT_S)
    return response
