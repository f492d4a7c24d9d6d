"""The language of a page: texts by gettext, dates and numbers by locale, and the direction of writing.

Texts are English in templates and code. `locale/<language>.po` has the others. Two made-up languages, for tests only, show
texts that no catalogue could translate: one is 40 % longer, the other is written from right to left.
"""

from __future__ import annotations

import datetime
import functools
import gettext
import re
import zoneinfo
from io import BytesIO
from pathlib import Path

import babel
import babel.dates
import babel.messages.mofile
import babel.messages.pofile
import flask
import markupsafe

_FOLDER = Path(__file__).parent / "locale"
COOKIE, ZONE_COOKIE = "language", "time_zone"
DEFAULT = "en"
LONG, MIRRORED = "en-x-long", "ar-x-mirrored"  # made up
_ACCENTS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")
_VALUES = re.compile(r"(%\(\w+\)[sd]|%[sd%])")


@functools.cache
def languages() -> tuple[str, ...]:
    """The languages that people can choose."""
    return (DEFAULT, *sorted(path.stem for path in _FOLDER.glob("*.po")))


def chosen() -> str:
    """The language of the current request: the person's choice, or the first that the browser prefers and we have."""
    given = flask.request.cookies.get(COOKIE, "")
    if given in (*languages(), LONG, MIRRORED):
        return given
    return flask.request.accept_languages.best_match(languages()) or DEFAULT


def is_right_to_left(language: str) -> bool:
    """Whether the language is written from right to left."""
    return locale_of(language).text_direction == "rtl"


@functools.cache
def locale_of(language: str) -> babel.Locale:
    """Babel's knowledge of dates and numbers in this language."""
    return babel.Locale.parse(language.split("-x-", maxsplit=1)[0], sep="-")


@functools.cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The texts of a language."""
    if language in (LONG, MIRRORED):
        return _MadeUp(language)
    path = _FOLDER / f"{language}.po"
    if not path.is_file():
        return gettext.NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        babel.messages.mofile.write_mo(compiled, babel.messages.pofile.read_po(file))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


class _MadeUp(gettext.NullTranslations):
    """Shows which texts a catalogue would translate."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._is_long = language == LONG

    def gettext(self, message: str) -> str:
        pieces = [
            piece if at % 2 else piece.translate(_ACCENTS) for at, piece in enumerate(_VALUES.split(message))
        ]
        text = "".join(pieces)
        return f"[{text}{'~' * (len(message) * 2 // 5)}]" if self._is_long else f"[{text}]"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


def text(message: str, **values: object) -> str:
    """A text in the language of the current request."""
    translated = catalogue(flask.g.language).gettext(message)
    return translated % values if values else translated


def zone() -> zoneinfo.ZoneInfo:
    """The time zone of the current request: the browser's, which our script tells in a cookie, or else UTC."""
    name = flask.request.cookies.get(ZONE_COOKIE, "")
    return zoneinfo.ZoneInfo(name if name in zone_names() else "UTC")


@functools.cache
def zone_names() -> frozenset[str]:
    """The time zones that there are."""
    return frozenset(zoneinfo.available_timezones())


def moment(value: str | datetime.datetime | None) -> markupsafe.Markup | str:
    """A point in time as people write it, in the zone of the request; a `time` element for programs."""
    if not value:
        return ""
    at = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
    here, locale = zone(), locale_of(flask.g.language)
    try:
        at.astimezone(here)
    except OverflowError:  # the first or the last possible day, in another zone
        here = zoneinfo.ZoneInfo("UTC")
    date = babel.dates.format_date(at.astimezone(here), "medium", locale=locale)
    time = babel.dates.format_time(at, "short", tzinfo=here, locale=locale)
    shown = str(locale.datetime_formats["medium"]).replace("'", "").format(time, date)
    name = babel.dates.get_timezone_name(at.astimezone(here), width="long", locale=locale)
    if here.key == "UTC":
        shown = f"{shown} UTC"  # nobody lives there, so it has to be said
    return markupsafe.Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), name, shown)


def local(value: str | None, zone_name: str) -> str:
    """A point in time as an input of a form takes it, in this zone."""
    if not value:
        return ""
    at = datetime.datetime.fromisoformat(value).astimezone(zoneinfo.ZoneInfo(zone_name))
    return at.strftime("%Y-%m-%dT%H:%M")


def day(value: str | datetime.date | None) -> markupsafe.Markup | str:
    """A day of the calendar as people write it."""
    if not value:
        return ""
    on = datetime.date.fromisoformat(value) if isinstance(value, str) else value
    shown = babel.dates.format_date(on, "medium", locale=locale_of(flask.g.language))
    return markupsafe.Markup('<time datetime="{}">{}</time>').format(on.isoformat(), shown)


def age(value: str | datetime.datetime | None) -> str:
    """How long ago a point in time was, or how long it is until then: "3 days ago"."""
    if not value:
        return ""
    at = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
    delta = at - datetime.datetime.now(datetime.UTC)
    return babel.dates.format_timedelta(delta, add_direction=True, locale=locale_of(flask.g.language))
