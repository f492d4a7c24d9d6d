"""The reports of supervisors, computed from what is published of their employees. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Published:
    """An item of an employee, newest first in a list of them."""

    person_id: str
    kind: str
    values: Mapping[str, Any]


Rows = Iterator[dict[str, Any]]
# What each report reads.
KINDS: Mapping[str, tuple[str, ...]] = {
    "work_statuses": ("work_status", "restriction", "surveillance"),
    "restrictions": ("restriction",),
    "surveillance_due": ("surveillance",),
    "lost_days": ("lost_time",),
    "orders": ("order",),
}


def rows(report: str, people: Sequence[str], items: Sequence[Published]) -> list[dict[str, Any]]:
    """The rows of a report, in the order of the people."""
    of: dict[str, list[Published]] = defaultdict(list)
    for item in items:
        of[item.person_id].append(item)
    return [row for person_id in people for row in _REPORTS[report](person_id, of[person_id])]


def _row(person_id: str, **members: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("text", "status", "from_on", "until_on", "days"))
    return {"person_id": person_id, **empty, "restrictions": [], "surveillance": [], **members}


def _period(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values.get(name) for name in ("from_on", "until_on")}


def _work_statuses(person_id: str, items: Sequence[Published]) -> Rows:
    newest = next((each.values for each in items if each.kind == "work_status"), {})
    yield _row(
        person_id,
        status=newest.get("status"),
        **_period(newest),
        restrictions=[each.values["restriction"] for each in items if each.kind == "restriction"],
        surveillance=[each.values for each in items if each.kind == "surveillance"],
    )


def _restrictions(person_id: str, items: Sequence[Published]) -> Rows:
    for each in items:
        yield _row(person_id, text=each.values["restriction"], **_period(each.values))


def _surveillance_due(person_id: str, items: Sequence[Published]) -> Rows:
    for values in (each.values for each in items):
        if values["status"] != "current":
            due_on = values.get("next_due_on")
            yield _row(person_id, text=values["panel"], status=values["status"], until_on=due_on)


def _lost_days(person_id: str, items: Sequence[Published]) -> Rows:
    if items:
        yield _row(person_id, days=sum(each.values["days"] for each in items))


def _orders(person_id: str, items: Sequence[Published]) -> Rows:
    """Orders of surveillance panels; the caller's own stand in Order Status (S2-86)."""
    for values in (each.values for each in items):
        if values.get("panel"):
            yield _row(person_id, text=values["name"], status=values["state"], until_on=values.get("due_on"))


_REPORTS: Mapping[str, Callable[[str, Sequence[Published]], Rows]] = {
    "work_statuses": _work_statuses,
    "restrictions": _restrictions,
    "surveillance_due": _surveillance_due,
    "lost_days": _lost_days,
    "orders": _orders,
}
