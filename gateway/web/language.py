"""The language of a page: texts by gettext, dates and numbers by locale, and the direction of writing.

Texts are English in templates and code. `locale/<language>/` has the others: `pages.po`, written by `make texts`, has those of
pages that people outside the staff see, `refusals.po` what services say to these people. Two made-up languages, for tests only,
show texts that no catalogue could translate: one is 40 % longer, the other is written from right to left.
"""

from __future__ import annotations

import datetime
import functools
import gettext
import itertools
import re
import zoneinfo
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import babel
import babel.dates
import babel.messages.mofile
import babel.messages.pofile
import flask
import markupsafe

from services.contracts.declare import STAFF

_FOLDER = Path(__file__).parent / "locale"
COOKIE, ZONE_COOKIE = "language", "time_zone"
_REGIONS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)
DEFAULT = "en"
LONG, MIRRORED = "en-x-long", "ar-x-mirrored"  # made up
# What the library that checks requests says, in plain words.
_PLAIN = {
    "Field may not be null.": "This is needed.",
    "Not a valid string.": "A text is expected.",
    "Not a valid integer.": "A whole number is expected.",
    "Not a valid number.": "A number is expected.",
    "Not a valid date.": "A day is expected.",
    "Not a valid time.": "A time of day is expected.",
    "Not a valid datetime.": "A day and a time are expected.",
    "Not a valid boolean.": "Yes or no is expected.",
    "Invalid value.": "This value is not possible here.",
    "Shorter than minimum length %(n1)s.": "At least %(n1)s characters are expected.",
    "Longer than maximum length %(n1)s.": "At most %(n1)s characters fit.",
    "Length must be between %(n1)s and %(n2)s.": "From %(n1)s to %(n2)s characters are expected.",
    "Length must, for a list, be between %(n1)s and %(n2)s.": "From %(n1)s to %(n2)s are expected.",
    "Shorter, for a list, than minimum length %(n1)s.": "At least %(n1)s is expected.",
    "Longer, for a list, than maximum length %(n1)s.": "At most %(n1)s are possible.",
    "Must be greater than or equal to %(n1)s and less than or equal to %(n2)s.": "A number from %(n1)s to %(n2)s is expected.",
    "Must be greater than or equal to %(n1)s.": "%(n1)s or more is expected.",
    "Must be less than or equal to %(n1)s.": "%(n1)s or less is expected.",
}
_ACCENTS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_VALUES = re.compile(r"(%\(\w+\)[sd]|%[sd%])")


@functools.cache
def languages() -> tuple[str, ...]:
    """The languages that people can choose."""
    return (DEFAULT, *sorted(path.name for path in _FOLDER.iterdir()))


def offered(me: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The languages that this person can choose. The staff's pages are English, and so are all of their pages."""
    return (DEFAULT,) if me and me["realm"] in STAFF else languages()


def of(me: Mapping[str, Any]) -> str:
    """The language of pages for somebody who has signed in."""
    wanted = me["language"] if is_known(me["language"]) else chosen()
    return wanted if wanted in (*offered(me), LONG, MIRRORED) else DEFAULT


def is_known(language: str | None) -> bool:
    """Whether pages can be in this language."""
    return language in (*languages(), LONG, MIRRORED)


def chosen() -> str:
    """The language of the current request: the browser's choice, or the first that it prefers and we have."""
    given = flask.request.cookies.get(COOKIE, "")
    if is_known(given):
        return given
    return flask.request.accept_languages.best_match(languages()) or DEFAULT


def name_of(language: str) -> str:
    """The language's name in itself."""
    locale = locale_of(language)
    return str(locale.get_display_name(locale) or language).capitalize()


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
    if language == DEFAULT:
        return _English()
    known = gettext.NullTranslations()
    for path in sorted((_FOLDER / language).glob("*.po")):
        compiled = BytesIO()
        with path.open("rb") as file:
            babel.messages.mofile.write_mo(compiled, babel.messages.pofile.read_po(file))
        compiled.seek(0)
        texts = gettext.GNUTranslations(compiled)
        texts.add_fallback(known)
        known = texts
    return known


class _English(gettext.NullTranslations):
    """Texts are English already, but for the words of a library."""

    def gettext(self, message: str) -> str:
        return _PLAIN.get(message, message)


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


def told(sentence: str) -> str:
    """What a service says, in the language of the current request. A catalogue names its numbers `%(n1)s`, `%(n2)s` and so on."""
    texts = catalogue(flask.g.language)
    translated = texts.gettext(sentence)
    numbers = _NUMBER.findall(sentence)
    if translated != sentence or not numbers:
        return translated
    order = itertools.count(1)
    form = _NUMBER.sub(lambda _: f"%(n{next(order)})s", sentence.replace("%", "%%"))
    translated = texts.gettext(form)
    return (
        translated % {f"n{at}": number for at, number in enumerate(numbers, 1)}
        if translated != form
        else sentence
    )


def usual(name: str) -> str:
    """A name that services give to something from the start, in the language of the page. The organisation's own words stay."""
    texts = catalogue(flask.g.language)
    return name if isinstance(texts, _MadeUp) else texts.gettext(name)


def relation(words: str) -> str:
    """What a contact is to a client, in the language of the page where it is a usual word, however it was capitalised."""
    plain = words.lower()
    said = usual(plain)
    return words if said == plain else said


def zone() -> zoneinfo.ZoneInfo:
    """The time zone of the current request: the person's, else the browser's, else the organisation's.

    The person has chosen one in the account's settings. The browser's is in a cookie that our script makes.
    """
    for name in (flask.g.get("time_zone"), flask.request.cookies.get(ZONE_COOKIE)):
        if name in zone_names():
            return zoneinfo.ZoneInfo(name)
    return zoneinfo.ZoneInfo(flask.g.get("contact", {}).get("time_zone", "UTC"))


@functools.cache
def zone_names() -> frozenset[str]:
    """The time zones that there are."""
    return frozenset(zoneinfo.available_timezones())


@functools.cache
def zones_by_region() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The time zones to choose from: each region with its zones. Names kept for old programs only are left out."""
    by_region: dict[str, list[str]] = {region: [] for region in _REGIONS}
    for name in sorted(zone_names()):
        region, is_place, _ = name.partition("/")
        if is_place and region in by_region:
            by_region[region].append(name)
    return (*((region, tuple(zones)) for region, zones in by_region.items()), ("UTC", ("UTC",)))


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


def clock(value: str, zone_name: str) -> markupsafe.Markup:
    """The time of the day of a point in time, as the clocks of a place show it: "9:00 AM EST".

    Where the language has no short name of the zone, it has the long one; a bare "-0800" tells people nothing.
    """
    at = datetime.datetime.fromisoformat(value).astimezone(_zone_of_place(zone_name))
    locale = locale_of(flask.g.language)
    shown = babel.dates.format_time(at, "short", tzinfo=at.tzinfo, locale=locale)
    name = babel.dates.get_timezone_name(at, width="short", locale=locale)
    if name[0] in "+-":
        name = babel.dates.get_timezone_name(at, width="long", locale=locale)
    return markupsafe.Markup('<time datetime="{}">{} {}</time>').format(value, shown, name)


def day_of_week(value: str) -> markupsafe.Markup:
    """A day of the calendar in full, with the day of the week: "Thursday, March 5, 2026"."""
    shown = babel.dates.format_date(
        datetime.date.fromisoformat(value), "full", locale=locale_of(flask.g.language)
    )
    return markupsafe.Markup('<time datetime="{}">{}</time>').format(value, shown)


def _zone_of_place(name: str) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(name if name in zone_names() else "UTC")


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


def duration(seconds: int) -> markupsafe.Markup:
    """How long something took, in the largest unit that tells it: "3 days"; a `time` element for programs."""
    shown = babel.dates.format_timedelta(seconds, threshold=1.2, locale=locale_of(flask.g.language))
    return markupsafe.Markup('<time datetime="PT{}S">{}</time>').format(seconds, shown)
