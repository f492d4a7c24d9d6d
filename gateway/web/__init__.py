"""The pages for people. They are clients of the public API within the gateway's process, and own no rule."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import flask

from gateway.dispatch import Dispatcher
from gateway.web import (
    acting,
    applications,
    assets,
    entrance,
    first_access,
    front_door,
    help_pages,
    kit_page,
    mailed_links,
    outside_sign_in,
    preferences,
    serving,
    theme,
    unsubscribe,
    verification,
)
from gateway.web.applications import Applications
from gateway.web.entrance import Entrance
from gateway.web.first_access import FirstAccess
from gateway.web.front_door import FrontDoor
from gateway.web.pages import PAGES
from gateway.web.protection import Protection
from gateway.web.serving import Pages
from gateway.web.states import Screen
from services.chassis import logs

SCREENS: tuple[Screen, ...] = (
    *acting.SCREENS,
    *applications.SCREENS,
    *entrance.SCREENS,
    *first_access.SCREENS,
    *front_door.SCREENS,
    *help_pages.SCREENS,
    *kit_page.SCREENS,
    *mailed_links.SCREENS,
    *preferences.SCREENS,
    *unsubscribe.SCREENS,
    *verification.SCREENS,
)


def register(app: flask.Flask, dispatcher: Dispatcher, settings: Any) -> None:
    """Serve the pages. Without what browsers load, only the API is served, and the log says what to do."""
    missing = assets.missing()
    if missing:
        logs.log.error(
            "pages_not_served", missing=missing, cure="run deploy/setup.sh and start the gateway again"
        )
        return
    protection = Protection(_key(settings.pages_key_file), settings.public_url)
    pages = Pages(dispatcher, protection, PAGES, settings.live_url)
    app.extensions["pages"] = pages
    assets.register(app)
    theme.register(app)
    for page in PAGES:
        methods = ["GET", "POST"] if page.actions or page.search else ["GET"]
        app.add_url_rule(page.rule, f"page {page.address}", pages.view(page), methods=methods)
    app.add_url_rule(
        serving.PROOF, "page proof", lambda: pages.answered(pages.prove), methods=["GET", "POST"]
    )
    ways_in = Entrance(pages)
    ways_in.register(app)
    applying = Applications(pages)
    applying.register(app)
    FrontDoor(pages, ways_in, applying, settings.demo_front_door_file).register(app)
    help_pages.register(app, pages)
    FirstAccess(pages, ways_in).register(app)
    acting.register(app, pages)
    mailed_links.register(app, pages)
    preferences.register(app, pages)
    unsubscribe.register(app, pages)
    verification.register(app, pages)
    if settings.demo_front_door_file:
        kit_page.register(app, pages)
    outside_sign_in.register(app, pages)


def _key(path: str | None) -> bytes | None:
    return base64.urlsafe_b64decode(Path(path).read_text().strip()) if path else None
