"""A portal's colour as a style sheet: readable partners of one colour, in light and in dark.

The organisation's own colour is never changed. What is derived from it keeps 4.5:1 between text and ground and 3:1 for borders
and focus (WCAG 2.2, 1.4.3 and 1.4.11).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import flask
from coloraide import Color

from gateway.web import assets

COLOUR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
DEFAULT = "#1a5fb4"
TEXT, EDGE = 4.5, 3.0
COOKIE, THEMES = "theme", ("light", "dark")
LIGHT, DARK = "#ffffff", "#16191d"  # the grounds of pages
_STEP = 0.01


def chosen() -> str | None:
    """The appearance that the account or the browser keeps. None: as the device has it."""
    given = flask.g.get("appearance") or flask.request.cookies.get(COOKIE)
    return given if given in THEMES else None


@dataclass(frozen=True)
class Shades:
    """Colours on one ground: `accent` for buttons with `on_accent` upon it, `text` for links, `edge` for borders and focus."""

    accent: str
    on_accent: str
    hover: str
    text: str
    edge: str


@dataclass(frozen=True)
class Theme:
    """The shades of one colour on the light and on the dark ground."""

    colour: str
    light: Shades
    dark: Shades


@functools.lru_cache(maxsize=1000)
def theme_of(colour: str) -> Theme:
    """The theme of a colour (`#rgb` or `#rrggbb`). Raises ValueError for anything else."""
    if not COLOUR.fullmatch(colour):
        raise ValueError("a colour is # and three or six hexadecimal digits")
    plain = Color(f"#{colour.lstrip('#')}").convert("srgb").to_string(hex=True)
    return Theme(plain, _shades(plain, LIGHT), _shades(plain, DARK))


def known(colour: str) -> Theme | None:
    """The theme of a colour, or None for what is no colour."""
    return theme_of(colour) if COLOUR.fullmatch(colour) else None


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminance, 1 to 21."""
    return float(Color(one).contrast(other, method="wcag21"))


def _shades(colour: str, ground: str) -> Shades:
    accent = _moved(colour, ground, EDGE)
    on_accent = "#ffffff" if contrast(accent, "#ffffff") >= contrast(accent, "#000000") else "#000000"
    accent = _moved(accent, on_accent, TEXT)
    hover = _moved(_mixed(accent, ground, 0.12), on_accent, TEXT)
    return Shades(accent, on_accent, hover, _moved(colour, ground, TEXT), _moved(colour, ground, EDGE))


def _moved(colour: str, ground: str, ratio: float) -> str:
    """The colour made lighter or darker, away from the ground, until it stands out so much."""
    away = 1.0 if Color(ground).luminance() < 0.2 else 0.0
    found = Color(colour).convert("oklch")
    while contrast(_hex(found), ground) < ratio:
        lightness = found["lightness"] + (_STEP if away else -_STEP)
        if not 0 <= lightness <= 1:
            return "#ffffff" if away else "#000000"
        found["lightness"] = lightness
    return _hex(found)


@functools.lru_cache(maxsize=1000)
def on_both_grounds(colour: str) -> str:
    """The colour, made darker or lighter until it stands out on the light ground and on the dark one (3:1, WCAG 2.2, 1.4.11)."""
    return _moved(_moved(colour, LIGHT, EDGE), DARK, EDGE)


def _mixed(colour: str, other: str, share: float) -> str:
    return _hex(Color(colour).mix(other, share, space="oklab"))


def _hex(colour: Color) -> str:
    return colour.clone().convert("srgb").fit(method="oklch-chroma").to_string(hex=True)


def address_of(colour: str) -> str:
    """The address of the style sheet for a colour."""
    return _sheet(colour).address


@functools.lru_cache(maxsize=1000)
def _sheet(colour: str) -> assets.Asset:
    theme = theme_of(colour)
    content = f":root{{{_properties(theme.light)}}}[data-bs-theme=dark]{{{_properties(theme.dark)}}}"
    content += (
        f"@media (prefers-color-scheme:dark){{:root:not([data-bs-theme=light]){{{_properties(theme.dark)}}}}}"
    )
    return assets.made(f"theme-{theme.colour[1:]}.css", content.encode(), "text/css; charset=utf-8")


def _properties(shades: Shades) -> str:
    return (
        f"--portico-accent:{shades.accent};--portico-on-accent:{shades.on_accent};--portico-hover:{shades.hover};"
        f"--portico-text:{shades.text};--portico-edge:{shades.edge}"
    )


def register(app: flask.Flask) -> None:
    """Serve the style sheets."""

    @app.get("/assets/<digest>/theme-<colour>.css")
    def theme_file(digest: str, colour: str) -> flask.Response:
        if not COLOUR.fullmatch(colour) or f"/{digest}/" not in (sheet := _sheet(f"#{colour}")).address:
            flask.abort(404)
        return assets.sent(sheet)
