"""The secret of a mailed link, from its arrival in a form to the end of what the link is for.

It lies sealed in a cookie, so a reload loses nothing, and in the page's forms, as another tab may open another link.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import flask

from gateway.web.protection import Protection
from gateway.web.serving import redirect

LINK = "__Host-link"
OPEN = "open"  # what the form says that hands a link over; every other form says the name of an action
_LASTS_S = 3600
_TOKEN = re.compile(r"(?:\S*#token=)?([A-Za-z0-9_-]{1,128})")


class KeptLink:
    """The links that arrive at one page. What has begun with one is its `token`, and what was `finished`."""

    def __init__(self, protection: Protection, address: str) -> None:
        self._protection = protection
        self._address = address

    def opened(self) -> flask.Response:
        """The answer to the form that hands a link over, as it was mailed or pasted."""
        found = _TOKEN.fullmatch(flask.request.form.get("link", "").strip())
        return self.going_on({"token": found[1] if found else ""})

    def going_on(self, begun: Mapping[str, str]) -> flask.Response:
        """To the page again, with what has begun."""
        response = redirect(self._address)
        sealed = self._protection.sealed(dict(begun), self._address, _LASTS_S)
        response.set_cookie(
            LINK, sealed, max_age=_LASTS_S, path="/", secure=True, httponly=True, samesite="Lax"
        )
        return response

    def kept(self) -> str:
        """The sealed link: a form's own, or else the one that was opened last."""
        return str(flask.request.form.get("kept_link") or flask.request.cookies.get(LINK, ""))

    def begun(self) -> Mapping[str, str]:
        """What has begun with the link; nothing where there is none."""
        begun: dict[str, str] | None = self._protection.opened(self.kept(), self._address)
        return begun or {}
