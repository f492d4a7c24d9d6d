"""Fills templates: the words that all of them know, and the headers of a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flask
import jinja2
import markupsafe
import segno

from gateway.web import assets, language, theme
from gateway.web.protection import Protection, keep_visitor
from services.chassis import logs, wire

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
        "asset": lambda name: assets.asset(name).address,
        "icon": assets.icon,
        "theme_address": theme.address_of,
    }
    made.filters |= {
        "moment": language.moment,
        "day": language.day,
        "age": language.age,
        "local": language.local,
        "qr_code": _qr_code,
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


def shown(protection: Protection, name: str, values: Mapping[str, Any], status: int = 200) -> flask.Response:
    """The response with a template."""
    portal = values.get("portal") or {}
    known = {
        "me": None,
        "problem": None,
        "done": None,
        "colour": portal.get("colour", theme.DEFAULT),
        "brand": portal.get("name", "Portico"),
        "language": flask.g.language,
        "direction": "rtl" if language.is_right_to_left(flask.g.language) else "ltr",
        "form_token": protection.form_token,
        "address": flask.request.path,
        "args": flask.request.args,
        "open_key": None,
        "new_key": wire.new_id,
        "zone": language.zone().key,
        "correlation_id": logs.correlation_id.get(),
    }
    response = flask.Response(template(name).render(known | dict(values)), status, mimetype="text/html")
    response.headers["Content-Language"] = flask.g.language
    keep_visitor(response)
    return response
