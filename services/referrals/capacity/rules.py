"""Rules of capacity: valid lines, the line in effect at an instant, and changes that time brings (S0-8 to S0-10).

All instants are aware datetimes. `used + free = total` always holds: `free` is never stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.contracts.errors import Refused

MAX_TOTAL = 1_000_000
MAX_UNIT_LENGTH = 40
MAX_NOTE_LENGTH = 500


class Mode(StrEnum):
    """What frees a place: the end of a referral (beds), or the next window (referrals a week)."""

    OCCUPANCY = "occupancy"
    PERIOD = "period"


class Period(StrEnum):
    """Length of a window of period capacity. A week starts on Monday, a day at midnight of its time zone."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class CapacityStatus(StrEnum):
    """The four capacity statuses of the Gravity SDOH guide, and one more.

    The guide has no status for UNKNOWN: no capacity was set, or its confirmation has run out.
    """

    HAS_CAPACITY = "has_capacity"
    NO_CAPACITY = "no_capacity"
    NO_CAPACITY_HAS_WAITLIST = "no_capacity_has_waitlist"
    ADDITIONAL_ASSESSMENT_REQUIRED = "additional_assessment_required"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Window:
    """One window of period capacity in UTC: `starts_at` is part of it, `ends_at` is not."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class CapacityLine:
    """One line of a program's capacity: `total` places counted in `unit` ("beds"), `used` of them taken.

    It holds from `starts_at` (None: from the beginning) until just before `ends_at` (None: until another starts). From
    `valid_until` on it is no longer confirmed and reads as unknown. In mode "period" `used` counts within the window
    that began at `window_started_at`.
    """

    total: int
    unit: str
    mode: Mode = Mode.OCCUPANCY
    used: int = 0
    period: Period | None = None
    time_zone: str = "UTC"
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    valid_until: datetime | None = None
    window_started_at: datetime | None = None
    note: str = ""
    has_waitlist: bool = False
    needs_assessment: bool = False
    id: str = ""

    @property
    def free(self) -> int:
        """Places that can still be claimed."""
        return self.total - self.used


def check_line(line: CapacityLine) -> CapacityLine:
    """The line with a clean unit and note.

    Raises Refused `invalid_capacity` or `capacity_below_use` with its field.
    """
    check_total(line.total, line.used)
    unit, note = " ".join(line.unit.split()), line.note.strip()
    if not 1 <= len(unit) <= MAX_UNIT_LENGTH:
        raise _invalid(f"A unit has 1 to {MAX_UNIT_LENGTH} characters, for example beds.", "unit")
    if len(note) > MAX_NOTE_LENGTH:
        raise _invalid(f"A note has at most {MAX_NOTE_LENGTH} characters.", "note")
    if (line.mode is Mode.PERIOD) != (line.period is not None):
        raise _invalid("A period goes with mode period, and only with it.", "period")
    check_time_zone(line.time_zone)
    _check_instants(line)
    return replace(line, unit=unit, note=note)


def _check_instants(line: CapacityLine) -> None:
    for field in ("starts_at", "ends_at", "valid_until"):
        instant: datetime | None = getattr(line, field)
        if instant is not None and instant.tzinfo is None:
            raise _invalid("A time needs its offset from UTC.", field)
    for field in ("ends_at", "valid_until"):
        instant = getattr(line, field)
        if instant is not None and line.starts_at is not None and instant <= line.starts_at:
            raise _invalid("This must be after the start.", field)


def check_total(total: int, used: int = 0) -> int:
    """A total that may be set while `used` places are taken.

    Raises Refused `invalid_capacity` unless it is a whole number from 0 to 1,000,000, and `capacity_below_use` below
    `used`: a lower total would take places back from referrals that hold them.
    """
    if isinstance(total, bool) or not isinstance(total, int) or not 0 <= total <= MAX_TOTAL:
        raise _invalid(f"The total is a whole number from 0 to {MAX_TOTAL:,}.", "total")
    if total < used:
        detail = f"{used} are in use, so the total cannot be {total}; set it to {used} to take no more."
        raise Refused("capacity_below_use", detail, "total", total=total, used=used)
    return total


def check_time_zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name. Raises Refused `invalid_capacity` if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # zoneinfo raises these for an unknown name, a path, and a folder such as "America".
        raise _invalid("Use the name of an IANA time zone, for example Europe/Berlin.", "time_zone") from None


def check_schedule(lines: Sequence[CapacityLine]) -> None:
    """Raise Refused `capacity_schedule_clash` if two lines start at the same instant: neither would take precedence."""
    starts = [line.starts_at for line in lines]
    if len(set(starts)) < len(starts):
        raise Refused(
            "capacity_schedule_clash", "Another line starts at the same time; edit that one.", "starts_at"
        )


def find_line(lines: Sequence[CapacityLine], now: datetime) -> CapacityLine | None:
    """The line in effect: the latest to start of those that have started and have not ended.

    When a line ends, the one before it takes effect again.
    """
    running = [line for line in lines if _is_running(line, now)]
    return max(running, key=_start, default=None)


def _is_running(line: CapacityLine, now: datetime) -> bool:
    return _start(line) <= now and (line.ends_at is None or now < line.ends_at)


def _start(line: CapacityLine) -> datetime:
    return line.starts_at or datetime.min.replace(tzinfo=UTC)


def capacity_status(line: CapacityLine, now: datetime) -> CapacityStatus:
    """The Gravity status of a line. A free place does not promise that a person is eligible for it."""
    if line.valid_until is not None and line.valid_until <= now:
        return CapacityStatus.UNKNOWN
    if line.free <= 0:
        return CapacityStatus.NO_CAPACITY_HAS_WAITLIST if line.has_waitlist else CapacityStatus.NO_CAPACITY
    if line.needs_assessment:
        return CapacityStatus.ADDITIONAL_ASSESSMENT_REQUIRED
    return CapacityStatus.HAS_CAPACITY


def at_window(line: CapacityLine, now: datetime) -> CapacityLine:
    """The line at `now`: in mode "period" a new window begins with nothing used. Occupancy stays as it is."""
    if line.period is None:
        return line
    begun = window_at(now, line.period, line.time_zone).starts_at
    if line.window_started_at is not None and line.window_started_at >= begun:
        return line
    return replace(line, used=0, window_started_at=begun)


def take_effect(scheduled: CapacityLine, used: int) -> CapacityLine:
    """A scheduled line as it starts while `used` places are taken.

    Occupied places carry over. A total below `used` can no longer be refused when the schedule begins: it takes effect
    as `used`, with nothing free, and falls with the releases. In mode "period" the line continues its earlier count;
    `at_window` resets the count where that window is over.
    """
    taken = scheduled.used if scheduled.mode is Mode.PERIOD else used
    return replace(scheduled, used=taken, total=max(scheduled.total, taken))


def step(
    lines: Sequence[CapacityLine], current: CapacityLine | None, held: int, now: datetime
) -> CapacityLine | None:
    """The line as it counts from `now` on, None where none is in effect.

    `lines` are all that were set and scheduled. `current` is the one that counted until now; its `id` tells which it is.
    `held` is the number of referrals that hold a place, in both modes.
    """
    chosen = find_line(lines, now)
    if chosen is None:
        return None
    if current is None or chosen.id != current.id:
        return take_effect(at_window(chosen, now), held)
    return at_window(current, now)


def steps(
    lines: Sequence[CapacityLine],
    current: CapacityLine | None,
    held: int,
    due: datetime | None,
    now: datetime,
) -> Iterator[tuple[datetime, CapacityLine | None, datetime | None]]:
    """The changes that time has brought from `due` until `now`: the instant, the line from then on, the next instant.

    Each change is computed for its own instant, however late this is called.
    """
    said = {line.id: line for line in lines}
    while due is not None and due <= now:
        following = step(list(said.values()), current, held, due)
        if current is not None:
            said[current.id] = left(said[current.id], current)
        current, instant = following, due
        due = next_boundary(lines, current, instant)
        yield instant, current, due


def left(said: CapacityLine, current: CapacityLine) -> CapacityLine:
    """The line as it was set, with the count that it had in effect: it continues from there when it takes effect again."""
    return replace(said, used=current.used, window_started_at=current.window_started_at)


def next_boundary(
    lines: Sequence[CapacityLine], current: CapacityLine | None, now: datetime
) -> datetime | None:
    """When time may next change the line in effect: at a start, an end, the next window, or the end of validity."""
    instants = [each for line in lines for each in (line.starts_at, line.ends_at)]
    if current is not None:
        instants.append(current.valid_until)
        if current.period is not None:
            instants.append(window_at(now, current.period, current.time_zone).ends_at)
    return min((each for each in instants if each is not None and each > now), default=None)


def remind_at(said_at: datetime, valid_until: datetime, before: timedelta) -> datetime:
    """When to ask for a confirmation: `before` the end of validity, but not in the first half of the valid time."""
    return valid_until - min(before, (valid_until - said_at) / 2)


def window_at(now: datetime, period: Period, time_zone: str) -> Window:
    """The window around `now`, in UTC.

    Bounds are local midnights, so a day has 23 or 25 hours when the clocks change. Where the change skips midnight, the
    window starts at the change; where midnight comes twice, it starts at the first.
    """
    zone = check_time_zone(time_zone)
    today = now.astimezone(zone).date()
    if period is Period.DAY:
        first, following = today, today + timedelta(days=1)
    elif period is Period.WEEK:
        first = today - timedelta(days=today.weekday())
        following = first + timedelta(days=7)
    else:
        first = today.replace(day=1)
        following = (first + timedelta(days=31)).replace(day=1)
    return Window(_midnight(first, zone), _midnight(following, zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # fold=0, the default, takes the offset before the change. A skipped midnight becomes the instant of the change, and
    # of two midnights the first is taken.
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _invalid(detail: str, field: str) -> Refused:
    return Refused("invalid_capacity", detail, field)
