"""What the server tells the application about a request, as keys of its environment."""

from __future__ import annotations

import time

import flask

BODY_COMES_LATER = "portico.body_comes_later"
"""Set while the body has not been read: the answer 100 asks for it, any other answer refuses it."""
SUBMITTED_AT = "portico.submitted_at"
"""When the request was complete and began to wait for a thread, by the monotonic clock."""


def body_comes_later() -> bool:
    """Whether the current request is asked about before its body is read."""
    return BODY_COMES_LATER in flask.request.environ


def waited_s() -> float:
    """How long the current request has waited for a thread, and since."""
    now = time.monotonic()
    return now - float(flask.request.environ.get(SUBMITTED_AT, now))
