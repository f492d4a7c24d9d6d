"""Statistics as a CSV file with one number in each line, so that any spreadsheet can pivot it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

COLUMNS = (
    "from_on",
    "to_on",
    "time_zone",
    "group_by",
    "group_key",
    "group_label",
    "measure",
    "code",
    "ended_by",
    "value",
    "is_blank",
)
# Characters at which a spreadsheet begins a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(statistics: Mapping[str, Any]) -> bytes:
    """The file, in UTF-8 with a header line. `is_blank` is 1 for a number that is left blank because it is small."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    head = [str(statistics[name] or "") for name in ("from_on", "to_on", "time_zone", "group_by")]
    for key, label, group in _groups(statistics):
        for measure, code, by, value in _numbers(group):
            line = [*head, key, label, measure, code, by, "" if value is None else value, int(value is None)]
            writer.writerow([_plain(each) for each in line])
    return text.getvalue().encode()


def _groups(statistics: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    yield "total", "", statistics["total"]
    for group in statistics["groups"]:
        yield group["key"] or "", group["label"] or "", group


def _numbers(group: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    yield "assigned", "", "", group["assigned"]
    yield "ended", "", "", group["ended"]
    for status in group["statuses"]:
        for measure in ("entered", "left", "median_s", "p90_s"):
            # A percentile over no stays has no line. It is not a blank for a small number.
            if measure in ("entered", "left") or status[measure] is not None or status["left"] is None:
                yield measure, status["status"], "", status[measure]
    for outcome in group["outcomes"]:
        yield "outcome", outcome["code"] or "", "", outcome["count"]
    for reason in group["reasons"]:
        yield "reason", reason["code"] or "", reason["ended_by"] or "", reason["count"]
    if group["capacity_use"] is not None:
        yield "capacity_use", "", "", group["capacity_use"]


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
