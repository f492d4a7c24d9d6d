"""The pages for people. They are clients of the public API within the gateway's process, and own no rule."""

from __future__ import annotations

import base64
from typing import Any

import flask

from gateway.dispatch import Dispatcher
from gateway.web import assets, outside_sign_in, theme
from gateway.web.entrance import Entrance
from gateway.web.pages import PAGES
from gateway.web.protection import Protection
from gateway.web.serving import Pages


def register(app: flask.Flask, dispatcher: Dispatcher, settings: Any) -> Pages:
    """Serve the pages. Raises MissingAssets where the set-up has not fetched what browsers load."""
    missing = assets.missing()
    if missing:
        raise assets.MissingAssets(
            f"The pages need {', '.join(missing)}: run deploy/setup.sh with a connection to the package registry, "
            "or serve the API alone with GATEWAY_SERVES=api."
        )
    key = base64.urlsafe_b64decode(settings.pages_key) if settings.pages_key else None
    pages = Pages(dispatcher, Protection(key, settings.public_url), PAGES)
    assets.register(app)
    theme.register(app)
    for page in PAGES:
        methods = ["GET", "POST"] if page.actions else ["GET"]
        app.add_url_rule(page.rule, f"page {page.address}", pages.view(page), methods=methods)
    Entrance(pages).register(app)
    outside_sign_in.register(app, pages)
    return pages
