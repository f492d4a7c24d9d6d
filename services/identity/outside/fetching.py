"""Questions to a provider that an organisation has named. Only a few run at once: one that hangs blocks a few workers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import requests

from services.chassis.outgoing_http import ExchangeFault, exchange

_AT_ONCE = threading.BoundedSemaphore(16)
_WAIT_S = 2.0


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """Enclose each exchange with a provider: few at once, and as in `exchange`. Raises ExchangeFault."""
    if not _AT_ONCE.acquire(timeout=_WAIT_S):
        raise ExchangeFault("too_many_at_once")
    try:
        with exchange():
            yield
    finally:
        _AT_ONCE.release()


def fetch_json(session: requests.Session, url: str) -> Any:
    """The JSON document at this address. Call it within `asking`. Raises ExchangeFault."""
    response = session.get(url, headers={"Accept": "application/json"}, allow_redirects=False)
    if response.status_code != requests.codes.ok:
        raise ExchangeFault("not_found")
    try:
        return response.json()
    except ValueError:
        raise ExchangeFault("not_json") from None
