"""The pages for people. They are clients of the public API within the gateway's process, and own no rule."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import flask

from gateway.dispatch import Dispatcher
from gateway.web import assets, mailed_links, outside_sign_in, serving, theme
from gateway.web.entrance import Entrance
from gateway.web.first_access import FirstAccess
from gateway.web.pages import PAGES
from gateway.web.protection import Protection
from gateway.web.serving import Pages
from services.chassis import logs


def register(app: flask.Flask, dispatcher: Dispatcher, settings: Any) -> None:
    """Serve the pages. Without what browsers load, only the API is served, and the log says what to do."""
    missing = assets.missing()
    if missing:
        logs.log.error(
            "pages_not_served", missing=missing, cure="run deploy/setup.sh and start the gateway again"
        )
        return
    pages = Pages(dispatcher, Protection(_key(settings.pages_key_file), settings.public_url), PAGES)
    app.extensions["pages"] = pages
    assets.register(app)
    theme.register(app)
    for page in PAGES:
        methods = ["GET", "POST"] if page.actions else ["GET"]
        app.add_url_rule(page.rule, f"page {page.address}", pages.view(page), methods=methods)
    app.add_url_rule(
        serving.PROOF, "page proof", lambda: pages.answered(pages.prove), methods=["GET", "POST"]
    )
    entrance = Entrance(pages)
    entrance.register(app)
    FirstAccess(pages, entrance).register(app)
    mailed_links.register(app, pages)
    outside_sign_in.register(app, pages)


def _key(path: str | None) -> bytes | None:
    return base64.urlsafe_b64decode(Path(path).read_text().strip()) if path else None
