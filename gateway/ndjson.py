"""Lists as NDJSON: the objects of all pages, one a line. Source: the HSDS 3.1 API, parameter `format`."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import flask

from services.chassis.wire import encode
from services.contracts.errors import Refused

MEDIA_TYPE = "application/x-ndjson"
FORMATS = ("json", "ndjson")
OF_A_PAGE = 200
_PARTS = ("page", "per_page", "after")


def is_wanted(arguments: dict[str, Any]) -> bool:
    """Whether a list is wanted as NDJSON. Takes `format` out of the arguments. Raises Refused(invalid_request)."""
    wanted = arguments.pop("format", "json")
    if wanted not in FORMATS:
        raise Refused("invalid_request", f"format: {' or '.join(FORMATS)}.", "format")
    if wanted == "json":
        return False
    for name in _PARTS:
        if name in arguments:
            raise Refused(
                "invalid_request", f"{name}: ndjson has all pages in one answer. Leave it out.", name
            )
    return True


class Pages:
    """The pages of a list as bytes, each made when it is asked for, by any thread.

    `following(after)` is the page after this cursor. What it raises breaks the answer off.
    """

    def __init__(self, first: Mapping[str, Any], following: Callable[[str], Mapping[str, Any]]) -> None:
        self._first: Mapping[str, Any] | None = first
        self._after: str | None = first["next"]
        self._following = following
        self._context = contextvars.copy_context()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        page, self._first = self._first, None
        if page is None:
            if self._after is None:
                raise StopIteration
            page = self._context.run(self._following, self._after)
            self._after = page["next"]
        return b"".join(encode(each) + b"\n" for each in page["contents"])


def answer(pages: Pages) -> flask.Response:
    """The answer that the server sends page by page."""
    return flask.Response(pages, content_type=MEDIA_TYPE, direct_passthrough=True)
