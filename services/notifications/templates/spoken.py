"""Dates and times as words of a language."""

from __future__ import annotations

import datetime

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_name

from services.notifications.templates.rules import chain


def spoken_time(at: datetime.datetime, language: str | None) -> str:
    """A moment at its place with the name of the zone; in English where the language is not known."""
    locale = _locale(language)
    day, time = format_date(at, "full", locale=locale), format_time(at, "short", locale=locale)
    return f"{day}, {time} ({get_timezone_name(at, locale=locale)})"


def _locale(language: str | None) -> Locale:
    for tag in chain(language):
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    raise AssertionError("the usual language is known")
