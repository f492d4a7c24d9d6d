"""What the server tells the application about a request, as keys of its environment."""

from __future__ import annotations

import time

import flask

from services.contracts.errors import Refused

BODY_COMES_LATER = "portico.body_comes_later"
"""Set while the body has not been read: the answer 100 asks for it, any other answer refuses it."""
SUBMITTED_AT = "portico.submitted_at"
"""When the request was complete and began to wait for a thread, by the monotonic clock."""


def body_comes_later() -> bool:
    """Whether the current request is asked about before its body is read."""
    return BODY_COMES_LATER in flask.request.environ


FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 10_000
"""Fields of a form. The largest page has some thousands; to read a quarter of a million, half a megabyte, takes seconds."""
_PIECE = 64 * 1024


def require_few_fields() -> None:
    """Refuse a form with too many fields before it is read. Raises Refused(request_too_large)."""
    if flask.request.mimetype != FORM:
        return
    body = flask.request.environ["wsgi.input"]  # the server has read it
    fields = 1 + sum(piece.count(b"&") for piece in iter(lambda: body.read(_PIECE), b""))
    body.seek(0)
    if fields > MOST_FIELDS:
        raise Refused("request_too_large", f"The form has more than {MOST_FIELDS} fields.")


def begin_again() -> None:
    """Let the current request have its whole time anew, for the next part of a long answer."""
    flask.request.environ[SUBMITTED_AT] = time.monotonic()


def waited_s() -> float:
    """How long the current request has waited for a thread, and since."""
    now = time.monotonic()
    return now - float(flask.request.environ.get(SUBMITTED_AT, now))
