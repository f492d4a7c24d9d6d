"""What browsers load: our own style sheet and script, and the packages of package.json.

Each address holds a hash of the content, so a browser keeps it for ever and never has an old one. Everything is compressed
once, when it is first asked for.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import flask
import markupsafe

_WEB = Path(__file__).parent
_PACKAGES = _WEB / "node_modules"
_ICONS = _PACKAGES / "bootstrap-icons" / "icons"
_NAME = re.compile(r"[a-z0-9-]{1,60}")
FILES = {
    "bootstrap.css": (_PACKAGES / "bootstrap/dist/css/bootstrap.min.css", "text/css; charset=utf-8"),
    "bootstrap.rtl.css": (_PACKAGES / "bootstrap/dist/css/bootstrap.rtl.min.css", "text/css; charset=utf-8"),
    "portico.css": (_WEB / "static/portico.css", "text/css; charset=utf-8"),
    "portico.js": (_WEB / "static/portico.js", "text/javascript; charset=utf-8"),
}
_FOREVER = "public, max-age=31536000, immutable"
_SOURCE_MAP = re.compile(rb"\s*(/\*# sourceMappingURL=[^*]*\*/|//# sourceMappingURL=\S+)\s*$")


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    compressed: bytes
    media_type: str
    address: str


def missing() -> list[str]:
    """The files that the set-up has not fetched."""
    return [name for name, (path, _) in FILES.items() if not path.is_file()]


@functools.cache
def asset(name: str) -> Asset:
    """One of FILES."""
    path, media_type = FILES[name]
    content = _SOURCE_MAP.sub(b"", path.read_bytes())
    return made(name, content, media_type)


def made(name: str, content: bytes, media_type: str) -> Asset:
    """An asset with this content, at an address of its own."""
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(content, gzip.compress(content, 9), media_type, f"/assets/{digest}/{name}")


def sent(file: Asset) -> flask.Response:
    """The answer with an asset."""
    response = flask.Response(content_type=file.media_type)
    response.headers["Cache-Control"] = _FOREVER
    response.headers["Vary"] = "Accept-Encoding"
    if "gzip" in flask.request.headers.get("Accept-Encoding", ""):
        response.headers["Content-Encoding"] = "gzip"
        response.data = file.compressed
    else:
        response.data = file.content
    return response


@functools.cache
def icon(name: str) -> markupsafe.Markup:
    """An icon of Bootstrap as SVG, for decoration: the words beside it say the same."""
    if not _NAME.fullmatch(name):
        raise LookupError(f"no icon is called {name!r}")
    drawing = (_ICONS / f"{name}.svg").read_text()
    inner = drawing[drawing.index(">") + 1 :].replace("\n", "")
    return markupsafe.Markup(  # noqa: S704  # the file is a package's, its name one of ours
        '<svg class="bi" width="16" height="16" fill="currentColor" viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
        + inner
    )


def register(app: flask.Flask) -> None:
    """Serve the assets."""

    @app.get("/assets/<digest>/<name>")
    def asset_file(digest: str, name: str) -> flask.Response:
        if name not in FILES or asset(name).address != f"/assets/{digest}/{name}":
            flask.abort(404)
        return sent(asset(name))
