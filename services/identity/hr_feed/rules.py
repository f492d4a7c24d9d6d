"""Pure rules of the HR feed: the differences between a file and the known employees."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from services.identity.employees.rules import HR

ADDED, CHANGED, ENDED = "added", "changed", "ended"

# Until all its lines are written an import is COMPARING, and nobody can see it.
COMPARING, READY, APPLYING, APPLIED = "comparing", "ready", "applying", "applied"

# How long an import may be applied after it was compared: later, the employees may have changed too much.
HOLDS = datetime.timedelta(days=1)

LINES_KEPT = datetime.timedelta(days=30)


PERSON_FIELDS = (
    "first_name",
    "last_name",
    "date_of_birth",
    "email",
    "home_phone",
    "mobile_phone",
    "work_phone",
)

EMPLOYMENT_FIELDS = ("department", "manager_number", "employer")


# Changes of one employee: (field, before, after).
Changes = tuple[tuple[str, str | None, str | None], ...]


@dataclass(frozen=True)
class FeedRow:
    """A row of the file. `values` has the cells that are not empty; values of empty cells stay as they are.

    `manager_number` differs: where the file has that column, an empty cell means that there is no manager.
    """

    line: int
    number: str
    values: Mapping[str, str]
    is_active: bool = True


@dataclass(frozen=True)
class Known:
    """A known employee, with its values as texts."""

    person_id: str
    values: Mapping[str, str | None]
    is_ended: bool
    source: str


@dataclass(frozen=True)
class Difference:
    """An employee whom a file adds, changes or ends."""

    number: str
    action: str
    person_id: str | None
    values: Mapping[str, str]
    changes: Changes


@dataclass
class FeedPlan:
    """The differences of a file, and the number of employees that it does not change."""

    differences: list[Difference] = field(default_factory=list)
    unchanged: int = 0

    def count(self, action: str) -> int:
        """How many differences have this action."""
        return sum(1 for difference in self.differences if difference.action == action)


def plan_feed(
    rows: Iterable[FeedRow], known: Mapping[str, Known], refused_numbers: Collection[str]
) -> FeedPlan:
    """Compare a file with the known employees (S2-34, S2-131).

    A value in the file replaces the known value. Employees of the feed who are missing from the file are ended. An
    employee whose row was refused stays as it is.
    """
    plan = FeedPlan()
    seen = set(refused_numbers)
    for row in rows:
        seen.add(row.number)
        difference = _difference(row, known.get(row.number))
        if difference is None:
            plan.unchanged += 1
        else:
            plan.differences.append(difference)
    plan.differences.extend(
        _ended(number, employee)
        for number, employee in known.items()
        if number not in seen and employee.source == HR and not employee.is_ended
    )
    return plan


def _difference(row: FeedRow, employee: Known | None) -> Difference | None:
    if not row.is_active:
        return None if employee is None or employee.is_ended else _ended(row.number, employee)
    if employee is None:
        added: Changes = tuple((name, None, value) for name, value in row.values.items() if value)
        return Difference(row.number, ADDED, None, row.values, added)
    changes: Changes = tuple(
        (name, employee.values.get(name), value or None)
        for name, value in row.values.items()
        if (employee.values.get(name) or "") != value
    )
    if employee.is_ended:
        changes += (("is_active", "false", "true"),)
    if employee.source != HR:
        changes += (("source", employee.source, HR),)
    return Difference(row.number, CHANGED, employee.person_id, row.values, changes) if changes else None


def _ended(number: str, employee: Known) -> Difference:
    return Difference(number, ENDED, employee.person_id, {}, (("is_active", "true", "false"),))


def ends_many(ended: int, employees: int) -> bool:
    """Whether a file ends more than a fifth of the employees, so that it may be incomplete."""
    return ended * 5 > employees
