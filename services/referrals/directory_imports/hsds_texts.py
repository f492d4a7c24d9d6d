"""Structured parts of HSDS as texts that people read: schedules, languages, costs, areas, accessibility, documents.

An entry that describes itself in words is shown in these; otherwise its members are put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DAYS = {"MO": "Mon", "TU": "Tue", "WE": "Wed", "TH": "Thu", "FR": "Fri", "SA": "Sat", "SU": "Sun"}
_FREQUENCIES = {"WEEKLY": "week", "MONTHLY": "month", "DAILY": "day", "YEARLY": "year"}
_ORDINALS = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth", "-1": "last"}


def schedule_text(entry: Mapping[str, Any]) -> str:
    """When it is open: "Mon, Wed 09:00-17:00, every 2 weeks; from 2026-01-01 to 2026-06-30"."""
    hours = "-".join(filter(None, (_text(entry, "opens_at", "opens"), _text(entry, "closes_at", "closes"))))
    days = _days(_text(entry, "byday", "weekday"))
    on_days = _text(entry, "bymonthday")
    rhythm = _rhythm(_text(entry, "freq").upper(), _text(entry, "interval"))
    when = " ".join(filter(None, (days, f"on day {on_days} of the month" if on_days else "", hours)))
    span = _span(
        _text(entry, "valid_from", "dtstart", "start_date"), _text(entry, "valid_to", "until", "end_date")
    )
    found = ", ".join(filter(None, (when, rhythm if when or span else "")))
    described = _text(entry, "description")
    return "; ".join(filter(None, (described or found, "" if described else span, _text(entry, "notes"))))


def language_text(entry: Mapping[str, Any]) -> str:
    """A language: its name, else its code, with the note on it."""
    name, note = _text(entry, "name", "language", "code"), _text(entry, "note")
    return f"{name} ({note})" if name and note else name or note


def cost_text(entry: Mapping[str, Any]) -> str:
    """What it costs: "Members: 20.00 USD a month; from 2026-01-01"."""
    amount = " ".join(filter(None, (_text(entry, "amount"), _text(entry, "currency"))))
    described = " ".join(filter(None, (amount, _text(entry, "amount_description"))))
    option = _text(entry, "option", "description")
    text = f"{option}: {described}" if option and described else option or described
    return "; ".join(filter(None, (text, _span(_text(entry, "valid_from"), _text(entry, "valid_to")))))


def area_text(entry: Mapping[str, Any]) -> str:
    """Where it serves: the area's name, else its description, else its extent where that is a short text."""
    extent = _text(entry, "extent")
    return _text(entry, "name", "description", "service_area") or (extent if len(extent) <= 200 else "")


def accessibility_text(entry: Mapping[str, Any]) -> str:
    """How it is accessible: the description with the details."""
    return "; ".join(filter(None, (_text(entry, "description", "accessibility"), _text(entry, "details"))))


def document_text(entry: Mapping[str, Any]) -> str:
    """A document that one has to bring."""
    return _text(entry, "document", "name", "uri")


def _text(entry: Mapping[str, Any], *members: str) -> str:
    for member in members:
        value = entry.get(member)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""


def _days(text: str) -> str:
    days = []
    for part in text.replace(";", ",").split(","):
        word = part.strip()
        ordinal, day = word[:-2].lstrip("+"), word[-2:].upper()
        if day in _DAYS and (not ordinal or ordinal in _ORDINALS):
            days.append(" ".join(filter(None, (_ORDINALS.get(ordinal, ""), _DAYS[day]))))
        elif word:
            days.append(word)
    return ", ".join(days)


def _rhythm(frequency: str, interval: str) -> str:
    unit = _FREQUENCIES.get(frequency)
    if unit is None:
        return ""
    if interval not in ("", "1"):
        return f"every {interval} {unit}s"
    return "" if frequency == "WEEKLY" else f"every {unit}"


def _span(begins: str, ends: str) -> str:
    return " ".join(filter(None, (f"from {begins}" if begins else "", f"to {ends}" if ends else "")))
