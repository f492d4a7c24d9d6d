"""The free times of providers: their schedules without what is booked."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.turns import in_turns
from services.portals.appointments.models import Appointment
from services.portals.appointments.rules import BOOKED
from services.portals.schedules import queries as schedules
from services.portals.schedules import rules
from services.portals.schedules.opening import openings

DAYS_AT_ONCE = 5  # days with free times in one answer
MOST_OF_DAY = 200  # times of a day in one answer, the earliest ones
_AT_ONCE = 5  # schedules that are looked at in one turn of the process
_STEP, _MOST_STEPS = 7, 8  # days that are looked at in one statement, and how often

Bounds = Callable[[ZoneInfo], rules.Span]


class Finder:
    """Looks for free times of one type with some providers.

    `bounds` gives from when and until when can be booked, by the zone of the place. `is_any`: any provider will do, so
    of several who are free at one time and place the first is named, without the name.
    """

    def __init__(
        self, session: Session, kind: Any, providers: Sequence[Any], bounds: Bounds, *, is_any: bool
    ) -> None:
        self._session, self._kind, self._bounds, self._is_any = session, kind, bounds, is_any
        self._names = {each.id: each.name for each in providers}
        self._schedules = schedules.schedules_of(session, list(self._names))

    def next_days(
        self,
        from_on: datetime.date | None,
        until_on: datetime.date | None = None,
        suits: Callable[[datetime.datetime], bool] = bool,
    ) -> dict[str, Any]:
        """The next days with free times, and where to look further. `suits` tells whether a local time is wanted."""
        limits = [self._bounds(ZoneInfo(each.time_zone)) for each in self._schedules]
        if not limits:
            return {"days": [], "next_from_on": None}
        # A day more on both sides, as days begin at other times in other zones.
        day = min(each[0] for each in limits).date() - datetime.timedelta(days=1)
        day = max(day, from_on) if from_on else day
        end = max(each[1] for each in limits).date() + datetime.timedelta(days=1)
        end = min(end, until_on) if until_on else end
        days: dict[datetime.date, list[dict[str, Any]]] = {}
        for _ in range(_MOST_STEPS):
            if day > end or len(days) > DAYS_AT_ONCE:
                break
            days |= self.on_days(day, min(day + datetime.timedelta(days=_STEP - 1), end), suits)
            day += datetime.timedelta(days=_STEP)
        ordered = sorted(days)
        more = ordered[DAYS_AT_ONCE] if len(ordered) > DAYS_AT_ONCE else day if day <= end else None
        shown = [
            {"on": each, "times": days[each][:MOST_OF_DAY], "is_cut": len(days[each]) > MOST_OF_DAY}
            for each in ordered[:DAYS_AT_ONCE]
        ]
        return {"days": shown, "next_from_on": more}

    def on_days(
        self, first: datetime.date, last: datetime.date, suits: Callable[[datetime.datetime], bool] = bool
    ) -> dict[datetime.date, list[dict[str, Any]]]:
        """The free times from the first to the last day, by day of the place."""
        taken = self._taken(first, last)
        found: dict[datetime.date, dict[Any, dict[str, Any]]] = defaultdict(dict)
        for schedule in in_turns(self._schedules, _AT_ONCE):
            zone = ZoneInfo(schedule.time_zone)
            earliest, latest = self._bounds(zone)
            spans = openings(schedule, first, last)
            for start in rules.free_starts(
                spans, taken[schedule.provider_id], self._kind.minutes, earliest, latest
            ):
                local = start.astimezone(zone)
                if not suits(local):
                    continue
                who = None if self._is_any else schedule.provider_id
                place = found[local.date()]
                place.setdefault((start, schedule.place, who), self._time(schedule, start))
        return {day: [times[each] for each in sorted(times, key=str)] for day, times in found.items()}

    def at(self, starts_at: datetime.datetime, schedule: Any, but: str | None = None) -> Iterator[Any]:
        """The schedules by which this time can be booked at the schedule's place, this schedule first.

        `but`: an appointment whose time counts as free, as it is about to be moved.
        """
        day = starts_at.astimezone(ZoneInfo(schedule.time_zone)).date()
        alike = [each for each in self._schedules if each.place == schedule.place]
        for each in sorted(alike, key=lambda one: one.id != schedule.id):
            if not self._is_any and each.id != schedule.id:
                continue
            bounds = self._bounds(ZoneInfo(each.time_zone))
            taken = self._taken(day, day, but)[each.provider_id]
            if starts_at in rules.free_starts(openings(each, day, day), taken, self._kind.minutes, *bounds):
                yield each

    def _time(self, schedule: Any, start: datetime.datetime) -> dict[str, Any]:
        return {
            "starts_at": start,
            "ends_at": start + datetime.timedelta(minutes=self._kind.minutes),
            "schedule_id": schedule.id,
            "provider_id": schedule.provider_id,
            "provider_name": None if self._is_any else self._names[schedule.provider_id],
            "place": schedule.place,
            "time_zone": schedule.time_zone,
        }

    def _taken(
        self, first: datetime.date, last: datetime.date, but: str | None = None
    ) -> Mapping[str, list[rules.Span]]:
        day = datetime.timedelta(days=1)
        statement = select(Appointment.provider_id, Appointment.starts_at, Appointment.ends_at).where(
            Appointment.provider_id.in_(self._names),
            Appointment.starts_at >= _midnight(first - day),
            Appointment.starts_at < _midnight(last + 2 * day),
            Appointment.state == BOOKED,
            Appointment.id != (but or ""),
        )
        taken: dict[str, list[rules.Span]] = defaultdict(list)
        for row in self._session.execute(statement):
            taken[row.provider_id].append((row.starts_at, row.ends_at))
        return taken


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)
