"""Time that counts only on days on which an organisation works. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection
from dataclasses import dataclass
from zoneinfo import ZoneInfo

_DAY = datetime.timedelta(days=1)
_LONGEST_CLOSED = 366  # days in a row


@dataclass(frozen=True)
class WorkingDays:
    """The days on which an organisation works, in its time zone. `weekdays` count from 1, Monday."""

    time_zone: str
    weekdays: Collection[int]
    closed_on: Collection[datetime.date]
    is_holiday: Callable[[datetime.date], bool]

    def today(self, now: datetime.datetime) -> datetime.date:
        """The day of a moment in the organisation's time zone."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()

    def is_worked(self, day: datetime.date) -> bool:
        """Whether the organisation works on a day."""
        return day.isoweekday() in self.weekdays and day not in self.closed_on and not self.is_holiday(day)

    def after(self, start: datetime.datetime, hours: int) -> datetime.datetime:
        """The moment at which so many hours of days that are worked have passed, in UTC.

        All 24 hours of such a day count, none of other days. An organisation that is closed for more than a year is taken to work.
        """
        left, at = datetime.timedelta(hours=hours), start.astimezone(datetime.UTC)
        closed = 0
        while True:
            midnight = self._begin_of(self.today(at) + _DAY)
            if not self.is_worked(self.today(at)) and closed < _LONGEST_CLOSED:
                closed += 1
            elif at + left <= midnight:
                return at + left
            else:
                left, closed = left - (midnight - at), 0
            at = midnight

    def _begin_of(self, day: datetime.date) -> datetime.datetime:
        begin = datetime.datetime.combine(day, datetime.time(), ZoneInfo(self.time_zone))
        return begin.astimezone(datetime.UTC)
