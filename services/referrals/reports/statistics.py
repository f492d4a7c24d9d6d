"""Statistics of a period: volumes, time in status, outcomes, reasons, capacity use (S0-51, S0-53).

A provider gets the numbers of its own programs (S0-1). Percentiles are nearest-rank over classes of duration: within 1 %
of the exact value (see `rules`). This module computes from what `reading` has read, without the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.referrals.reports.histograms import MEDIAN, P90, histogram_of, percentiles, unpacked
from services.referrals.reports.reading import Found, Moves
from services.referrals.reports.rules import BY_TIME, duration_of_class, label_of_time
from services.referrals.reports.suppression import blank_cells

Cell = tuple[str, str | None, str | None]  # measure, code, ended by


@dataclass
class Group:
    """The numbers of one group: counts by (measure, code, by), and for each status the histogram of stays that ended."""

    cells: dict[Cell, int] = field(default_factory=lambda: defaultdict(int))
    stays: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    times: dict[str, tuple[int, ...]] = field(default_factory=dict)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)


def statistics_of(found: Found) -> dict[str, Any]:
    """The numbers of a period, in total and by group."""
    total, groups = _gather(found)
    group_by, below = found.question.group_by, found.below
    blank = _blank(total, groups, below) if below else set()
    labels = {key: _label(found, key) for key in groups}
    return {
        "from_on": found.from_on,
        "to_on": found.to_on,
        "time_zone": found.time_zone,
        "group_by": group_by,
        "suppress_below": below,
        "total": _view(None, (None, None), total, blank, found.status_labels),
        "groups": [
            _view(_mark(key), (key, labels[key]), groups[key], blank, found.status_labels)
            for key in sorted(groups, key=lambda key: _order(group_by, key, labels[key]))
        ],
    }


def page_of(statistics: dict[str, Any], *, after: int, limit: int) -> dict[str, Any]:
    """The statistics with one page of their groups."""
    groups = statistics["groups"]
    end = after + limit
    return {**statistics, "groups": groups[after:end], "next": end if end < len(groups) else None}


def _gather(found: Found) -> tuple[Group, dict[Any, Group]]:
    """The numbers in total and by key of the group."""
    groups: dict[Any, Group] = defaultdict(Group)
    for key, count in found.assigned:
        groups[key].cells["assigned", None, None] += count
    for key, outcome, ended_by, reason, count in found.ended:
        cells = groups[key].cells
        cells["ended", None, None] += count
        cells["outcome", outcome, None] += count
        if ended_by is not None or reason is not None:
            cells["reason", reason, ended_by] += count
    for moves in found.moves:
        if moves.entered:
            groups[moves.entered_key].cells["entered", moves.entered_status, None] += (
                moves.sign * moves.entered
            )
        groups[moves.left_key].stays[moves.left_status] += moves.sign * _histogram(moves)
    for key, unit, used, places in found.places:
        _add_places(groups[key], unit, used, places)
    total = _sum_of(groups.values())
    for group in (total, *groups.values()):
        _measure(group)
    groups = {key: group for key, group in groups.items() if group.cells or group.places}
    return total, groups if found.question.group_by else {}


def _histogram(moves: Moves) -> int:
    if moves.classes is not None:
        return histogram_of(map(int, moves.classes.split(",")))
    if moves.left is None:
        return 0
    return unpacked(moves.left) - (unpacked(moves.left_before) if moves.left_before else 0)


def _sum_of(groups: Iterable[Group]) -> Group:
    total = Group()
    for group in groups:
        for cell, count in group.cells.items():
            total.cells[cell] += count
        for status, histogram in group.stays.items():
            total.stays[status] += histogram
        for unit, (used, places) in group.places.items():
            _add_places(total, unit, used, places)
    return total


def _measure(group: Group) -> None:
    """Take counts and percentiles from the histograms, and drop the cells whose sum is 0."""
    for status, histogram in group.stays.items():
        if histogram:
            count, classes = percentiles(histogram, MEDIAN, P90)
            group.cells["left", status, None] = count
            group.times[status] = tuple(duration_of_class(each) for each in classes)
    group.cells = {cell: count for cell, count in group.cells.items() if count}


def _blank(total: Group, groups: Mapping[Any, Group], below: int) -> set[Any]:
    """The cells to leave blank, of the total (key None) and of each group."""
    everything: dict[tuple[Any, Cell], int] = {(None, cell): count for cell, count in total.cells.items()}
    everything |= {
        (_mark(key), cell): count for key, group in groups.items() for cell, count in group.cells.items()
    }
    sums: list[tuple[tuple[Any, Cell], list[tuple[Any, Cell]]]] = []
    if groups:
        for cell in total.cells:
            parts = [(_mark(key), cell) for key, group in groups.items() if cell in group.cells]
            sums.append(((None, cell), parts))
    for key, group in [(None, total), *((_mark(key), group) for key, group in groups.items())]:
        outcomes = [(key, cell) for cell in group.cells if cell[0] == "outcome"]
        if outcomes:
            sums.append(((key, ("ended", None, None)), outcomes))
    return blank_cells(everything, sums, below)


def _mark(key: Any) -> tuple[Any]:
    """A group's key in `blank`. It is a tuple, as None is the total's and also the key of programs without agency."""
    return (key,)


def _label(found: Found, key: Any) -> str | None:
    group_by = found.question.group_by
    if group_by in BY_TIME:
        return label_of_time(group_by or "", key)
    return key if group_by == "status" else found.labels.get(key)


def _order(group_by: str | None, key: Any, label: str | None) -> tuple[Any, ...]:
    return (key,) if group_by in BY_TIME else ((label or "").casefold(), str(key))


def _view(
    mark: Any, named: tuple[Any, str | None], group: Group, blank: set[Any], names: Mapping[str, str]
) -> dict[str, Any]:
    """One group as the contract shows it. `mark` is its key in `blank`."""
    key, label = named

    def shown(*cell: str | None) -> int | None:
        return None if (mark, cell) in blank else group.cells.get(cell, 0)  # type: ignore[arg-type]

    statuses = sorted({code for measure, code, _ in group.cells if measure in ("entered", "left") and code})
    shares = [used / places for used, places in group.places.values() if places]
    return {
        "key": None if key is None else str(key),
        "label": label,
        "assigned": shown("assigned", None, None),
        "ended": shown("ended", None, None),
        "statuses": [
            {
                "status": status,
                "label": names.get(status),
                "entered": shown("entered", status, None),
                "left": shown("left", status, None),
                **_times(group, status, shown("left", status, None)),
            }
            for status in statuses
        ],
        "outcomes": [
            {"code": code, "count": shown("outcome", code, None)}
            for measure, code, _ in sorted(group.cells, key=str)
            if measure == "outcome"
        ],
        "reasons": [
            {"code": code, "ended_by": by, "count": shown("reason", code, by)}
            for measure, code, by in sorted(group.cells, key=str)
            if measure == "reason"
        ],
        "capacity_use": round(sum(shares) / len(shares), 4) if shares else None,
    }


def _add_places(group: Group, unit: str, used: int, places: int) -> None:
    before = group.places.get(unit, (0, 0))
    group.places[unit] = (before[0] + used, before[1] + places)


def _times(group: Group, status: str, left: int | None) -> dict[str, int | None]:
    median, p90 = group.times.get(status, (None, None))
    return {"median_s": median, "p90_s": p90} if left else {"median_s": None, "p90_s": None}
