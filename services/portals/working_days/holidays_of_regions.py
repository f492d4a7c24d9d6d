"""Holidays of countries and of their parts."""

from __future__ import annotations

import datetime
import functools

import holidays


def is_region(code: str) -> bool:
    """Whether holidays of this country, or part of one such as US-CA, are known."""
    country, _, part = code.partition("-")
    known = holidays.list_supported_countries()
    return country in known and (not part or part in known[country])


def is_holiday(region: str | None, day: datetime.date) -> bool:
    """Whether a day is a holiday of this region. No region has none."""
    return region is not None and day in _holidays(region, day.year)


@functools.lru_cache(maxsize=500)
def _holidays(region: str, year: int) -> frozenset[datetime.date]:
    country, _, part = region.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))
