"""The pages that mails link to, whose secrets no server sees. They are static files that work through the API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import flask

_WEB = Path(__file__).parent / "web"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_FILES = {
    "/credentials": ("credentials.html", "text/html; charset=utf-8"),
    "/web/credentials.js": ("credentials.js", "text/javascript; charset=utf-8"),
    "/verify-email": ("verify-email.html", "text/html; charset=utf-8"),
    "/web/verify-email.js": ("verify-email.js", "text/javascript; charset=utf-8"),
    "/web/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/web/page.css": ("page.css", "text/css; charset=utf-8"),
}


def register(app: flask.Flask) -> None:
    """Serve the pages."""
    for address, (name, media_type) in _FILES.items():
        app.add_url_rule(address, f"page {name}", _serve(name, media_type))


def _serve(name: str, media_type: str) -> Callable[[], flask.Response]:
    content = (_WEB / name).read_bytes()

    def page() -> flask.Response:
        return flask.Response(content, content_type=media_type, headers={"Content-Security-Policy": _POLICY})

    return page
