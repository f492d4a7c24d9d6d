"""The address to which a page leads back."""

from __future__ import annotations

from urllib.parse import urlsplit

MOST_OF_PATH = 500  # characters; a sealed step must fit into a cookie


def own_path(given: str | None) -> str | None:
    """The address to go on to, if it is a path of this site. Anybody can write an address with another."""
    if not given or len(given) > MOST_OF_PATH or not given.startswith("/") or given.startswith(("//", "/\\")):
        return None
    try:
        parts = urlsplit(given)
    except ValueError:
        return None
    is_plain = not parts.scheme and not parts.netloc and not any(ord(each) < 33 for each in given)
    return given if is_plain and "\\" not in given else None
