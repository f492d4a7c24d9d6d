"""A part of a file (RFC 9110, section 14), so that a download that broke off can go on and a reader fetches what it shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_ONE_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))", re.IGNORECASE)


class Part(NamedTuple):
    """Bytes of a file from `first` to `last`, both within it."""

    first: int
    last: int


class Unsatisfiable(Exception):
    """The file has no such part."""


def part_asked(environ: Mapping[str, Any], size: int, etag: str | None) -> Part | None:
    """The part that a request asks for; None for the whole file, also where the request has none of its kind or several.

    Raises Unsatisfiable.
    """
    found = _ONE_RANGE.fullmatch(environ.get("HTTP_RANGE", "").replace(" ", ""))
    if environ["REQUEST_METHOD"] != "GET" or found is None:
        return None
    if (known := environ.get("HTTP_IF_RANGE")) is not None and known != etag:
        return None  # it was another file then
    first, last, from_end = found.groups()
    if from_end is not None:
        part = Part(max(0, size - int(from_end)), size - 1)
    else:
        part = Part(int(first), size - 1 if last is None else min(int(last), size - 1))
        if last is not None and int(last) < int(first):
            return None
    if part.first > part.last:
        raise Unsatisfiable
    return part


def headers_of(given: list[tuple[str, str]], part: Part, size: int) -> list[tuple[str, str]]:
    """The headers of the answer with a part, from those of the whole file."""
    kept = [(name, value) for name, value in given if name.lower() != "content-length"]
    length, place = part.last - part.first + 1, f"bytes {part.first}-{part.last}/{size}"
    return [*kept, ("Content-Length", str(length)), ("Content-Range", place)]
