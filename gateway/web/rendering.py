"""Fills templates: the words that all of them know, and the headers of a page."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flask
import jinja2
import markupsafe
import segno

from gateway import cookies
from gateway.web import assets, contact, emergency, help_tasks, language, lapses, theme
from gateway.web.protection import Protection, keep_visitor
from gateway.web.return_paths import own_path
from services.chassis import logs, wire
from services.contracts.declare import STAFF

_COMPRESSION = 6  # a page of 22 kB takes 0.24 ms; 5 leaves it 2 % longer, 9 makes it no shorter
_TEMPLATES = Path(__file__).parent / "templates"


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        lambda message: language.catalogue(flask.g.language).gettext(message),
        lambda one, many, count: language.catalogue(flask.g.language).ngettext(one, many, count),
        newstyle=True,
    )
    made.globals |= {
        "emergency_places": emergency.PLACES,
        "asset": lambda name: assets.asset(name).address,
        "icon": assets.icon,
        "theme_address": theme.address_of,
        "theme_of": theme.known,
        "contrast": theme.contrast,
        "on_both_grounds": theme.on_both_grounds,
        "language_name": language.name_of,
        "zones_by_region": language.zones_by_region,
    }
    made.filters |= {
        "moment": language.moment,
        "day": language.day,
        "day_of_week": language.day_of_week,
        "clock": language.clock,
        "age": language.age,
        "duration": language.duration,
        "local": language.local,
        "usual": language.usual,
        "relation": language.relation,
        "qr_code": _qr_code,
        "dial": contact.dial,
        "own_path": own_path,
    }
    return made


def _qr_code(text: str) -> markupsafe.Markup:
    """The picture of a text for a camera, on white also where the page is dark."""
    drawing = segno.make(text, micro=False).svg_inline(scale=5, border=4, light="#fff")
    return markupsafe.Markup(drawing)  # noqa: S704  # paths and numbers only


_jinja = _environment()


def template(name: str) -> jinja2.Template:
    """A template by its file below `templates`."""
    return _jinja.get_template(name)


def know_of(me: Mapping[str, Any]) -> None:
    """The page of this request is for somebody who has signed in: for this organisation, as the person wants pages."""
    contact.know_of(me)
    flask.g.me = me
    flask.g.language = language.of(me)
    flask.g.appearance = me["appearance"]
    flask.g.time_zone = me.get("time_zone")


def _keep_choices(response: flask.Response, me: Mapping[str, Any]) -> None:
    """Let the browser keep the choices of its person, for pages that do not know who it is."""
    if language.is_known(me["language"]):
        cookies.keep_choice(response, language.COOKIE, me["language"])
    if me["appearance"]:
        cookies.keep_choice(response, theme.COOKIE, me["appearance"])


def _portal_of(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The portal whose page this is; a page of staff that is about a portal is none of it."""
    me = values.get("me")
    return {} if me and me["realm"] in STAFF else values.get("portal") or {}


def _brand(portal: Mapping[str, Any], me: Mapping[str, Any] | None) -> str:
    """What a page is headed with: the portal that it belongs to, else the organisation of its person."""
    if not portal and me:
        return str(me["organisation_name"])
    return language.usual(portal.get("name", "Portico"))


def shown(protection: Protection, name: str, values: Mapping[str, Any], status: int = 200) -> flask.Response:
    """The response with a template."""
    portal = _portal_of(values)
    if values.get("me"):
        know_of(values["me"])
    known = {
        "me": None,
        "problem": None,
        "done": None,
        # The sample of a portal has its colour (S2-47).
        "colour": (values.get("portal") or {}).get("colour", theme.DEFAULT),
        "brand": _brand(portal, values.get("me")),
        "signs_out_of": portal.get("portal"),
        "home": "/",
        "language": flask.g.language,
        "other_languages": [
            (each, language.name_of(each))
            for each in language.offered(values.get("me"))
            if each != flask.g.language
        ],
        "theme": theme.chosen(),
        "direction": "rtl" if language.is_right_to_left(flask.g.language) else "ltr",
        "form_token": protection.form_token,
        "form_owner": lapses.owner(protection, values["me"]) if values.get("me") else None,
        "address": flask.request.path,
        "origin": protection.origin,
        "args": flask.request.args,
        "open_key": None,
        "live": None,
        "new_key": wire.new_id,
        "zone": language.zone().key,
        "correlation_id": logs.correlation_id.get(),
        "contact": contact.known(protection),
        "help_address": help_tasks.beside(flask.request.path),
    }
    response = flask.Response(status=status, mimetype="text/html")
    html = template(name).render(known | dict(values)).encode()
    response.headers["Vary"] = "Accept-Encoding, Cookie"
    if "gzip" in flask.request.headers.get("Accept-Encoding", ""):
        response.headers["Content-Encoding"] = "gzip"
        html = gzip.compress(html, _COMPRESSION)
    response.data = html
    response.headers["Content-Language"] = flask.g.language
    keep_visitor(response)
    contact.keep(protection, response)
    if values.get("me"):
        _keep_choices(response, values["me"])
    return response
