"""Pure rules of the HR feed: the differences between a file and the known employees."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from services.contracts.spelling import search_key
from services.identity.employees.rules import HR

ADDED, CHANGED, ENDED = "added", "changed", "ended"

# Until all its lines are written an import is COMPARING, and nobody can see it.
COMPARING, READY, APPLYING, APPLIED, FAILED = "comparing", "ready", "applying", "applied", "failed"

# How often an import may fail with an unexpected fault before it is given up, and the reason that it then has.
TRIES = 3
FAULT = "fault"

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

MANAGER = "manager_number"
EMPLOYMENT_FIELDS = ("department", "manager_number", "employer")


# Changes of one employee: (field, before, after).
Changes = tuple[tuple[str, str | None, str | None], ...]


@dataclass(frozen=True)
class FeedRow:
    """A row of the file. `values` has the cells that are not empty; values of empty cells stay as they are.

    `manager_number` differs: where the file has that column, an empty cell means that there is no manager. `marks` tell the
    person (`marks_of`).
    """

    line: int
    number: str
    values: Mapping[str, str]
    is_active: bool = True
    marks: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Known:
    """A known employee, with its values as texts. `marks` tell the person (`marks_of`)."""

    person_id: str
    values: Mapping[str, str | None]
    is_ended: bool
    source: str
    marks: tuple[tuple[str, ...], ...] = ()


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
    """The differences of a file, and the number of employees that it does not change.

    `supervised` employees have a manager once the file is applied. `supervised_before` have one now; `unsupervised` of them
    stay and would have none. `doubles` are lines of employees who are probably known under another number. `repeated` are
    lines of known employees whom an earlier line names, `respelled` lines of new ones: each with that earlier line, which
    is None where the number is that of several known employees.
    """

    differences: list[Difference] = field(default_factory=list)
    unchanged: int = 0
    supervised: int = 0
    supervised_before: int = 0
    unsupervised: int = 0
    doubles: list[int] = field(default_factory=list)
    repeated: list[tuple[int, int]] = field(default_factory=list)
    respelled: list[tuple[int, int | None]] = field(default_factory=list)

    def count(self, action: str) -> int:
        """How many differences have this action."""
        return sum(1 for difference in self.differences if difference.action == action)


def plan_feed(
    rows: Iterable[FeedRow], known: Mapping[str, Known], refused_numbers: Collection[str]
) -> FeedPlan:
    """Compare a file with the known employees (S2-34, S2-131).

    A value in the file replaces the known value. Employees of the feed who are missing from the file are ended. An
    employee whose row was refused stays as it is. Numbers are those of known employees whatever their case, and whatever
    zeros a spreadsheet has taken or added.
    """
    plan = FeedPlan()
    rows = _with_known_numbers(list(rows), known, plan)
    spellings = _Spellings(known)
    seen = {spellings.of(number) for number in refused_numbers}
    marks = {mark for each in known.values() for mark in each.marks}
    for row in rows:
        seen.add(row.number)
        difference = _difference(row, known.get(row.number))
        if difference is None:
            plan.unchanged += 1
        else:
            plan.differences.append(difference)
    missing = [
        (number, employee)
        for number, employee in known.items()
        if number not in seen and employee.source == HR and not employee.is_ended
    ]
    names = {_name_of(employee.values) for _, employee in missing}
    for row in rows:
        present = known.get(row.number)
        # What the employee had before tells of nobody else, even where two share a mailbox.
        told = set(row.marks).difference(present.marks if present else ())
        is_named_so = present is None and bool(names) and _name_of(row.values) in names
        if row.is_active and (is_named_so or not marks.isdisjoint(told)):
            plan.doubles.append(row.line)
    plan.differences.extend(_ended(number, employee) for number, employee in missing)
    _count_supervision(plan, rows, known)
    _find_respelled(plan, rows, known)
    return plan


def _find_respelled(plan: FeedPlan, rows: Iterable[FeedRow], known: Collection[str]) -> None:
    """Find new employees whose number is another one in another spelling, such as `a9` and `A9`, `7` and `00007`."""
    taken: dict[str, int | None] = {number_key(number): None for number in known}
    taken |= {number_key(row.number): row.line for row in rows if row.number in known}
    for row in rows:
        key = number_key(row.number)
        if row.is_active and row.number not in known and key in taken:
            plan.respelled.append((row.line, taken[key]))
        taken.setdefault(key, row.line)


def _name_of(values: Mapping[str, str | None]) -> tuple[str, ...]:
    return tuple(search_key(values.get(name) or "") for name in ("first_name", "last_name"))


def _count_supervision(plan: FeedPlan, rows: Collection[FeedRow], known: Mapping[str, Known]) -> None:
    """Count the employees with a manager, before and after, and those whom the file leaves without one.

    It does so where it ends the manager, and where it names none.
    """
    ended = {each.number for each in plan.differences if each.action == ENDED}
    present = {number for number, each in known.items() if not each.is_ended}
    stay = (present - ended) | {row.number for row in rows if row.is_active}
    stated = {row.number: row.values[MANAGER] for row in rows if MANAGER in row.values}
    for number in present | stay:
        before = known[number].values.get(MANAGER) if number in known else None
        had_one = number in present and before in present and before != number
        after = stated.get(number, before)
        has_one = number in stay and after in stay and after != number
        plan.supervised += has_one
        plan.supervised_before += had_one
        plan.unsupervised += had_one and number in stay and not has_one


def _with_known_numbers(rows: list[FeedRow], known: Mapping[str, Known], plan: FeedPlan) -> list[FeedRow]:
    """The rows, with numbers of employees and managers as they are known. Of rows about one employee the first counts."""
    # An employee whom the file names exactly is not meant by another spelling.
    exact = {row.number for row in rows} & known.keys()
    others = _Spellings(number for number in known if number not in exact)
    kept: dict[str, FeedRow] = {}
    for row in rows:
        number = row.number if row.number in exact else others.of(row.number)
        if number in kept:
            plan.repeated.append((row.line, kept[number].line))
        else:
            kept[number] = replace(row, number=number)
    managers = _Spellings({*kept, *known})
    for number, row in kept.items():
        if row.values.get(MANAGER):
            values = {**row.values, MANAGER: managers.of(row.values[MANAGER])}
            kept[number] = replace(row, values=values)
    return list(kept.values())


class _Spellings:
    """Numbers, found by other spellings of them."""

    def __init__(self, numbers: Iterable[str]) -> None:
        self._numbers = set(numbers)
        self._by_key: dict[str, list[str]] = {}
        for number in self._numbers:
            self._by_key.setdefault(number_key(number), []).append(number)

    def of(self, number: str) -> str:
        """The one number that is meant; the given one where none or several could be."""
        meant = self._by_key.get(number_key(number), [])
        return number if number in self._numbers or len(meant) != 1 else meant[0]


def number_key(number: str) -> str:
    """A number of HR in the form in which spellings are compared: no case, no leading zeros, no fraction of a spreadsheet."""
    plain = number.casefold()
    return (plain.lstrip("0") or "0") if plain.isdecimal() else plain


def cycles_among(above: Mapping[str, str]) -> set[str]:
    """The employees who are their own manager by way of others. `above` has the manager of each."""
    found: set[str] = set()
    done: set[str] = set()
    for start in above:
        path: dict[str, None] = {}
        at = start
        while at in above and at not in done and at not in path:
            path[at] = None
            at = above[at]
        if at in path:
            order = list(path)
            found.update(order[order.index(at) :])
        done.update(path)
    return found


def marks_of(
    email_key: str | None, first_name_key: str, last_name_key: str, date_of_birth: str | None
) -> tuple[tuple[str, ...], ...]:
    """What tells a person, in the forms in which these are compared: the mailbox, and the name with the date of birth."""
    by_email = (("email", email_key),) if email_key else ()
    name = (first_name_key, last_name_key)
    return (*by_email, ("date_of_birth", *name, date_of_birth)) if date_of_birth and any(name) else by_email


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


def is_many(lost: int, present: int) -> bool:
    """Whether a file takes something from more than a fifth of those who have it, so that it may be incomplete."""
    return lost * 5 > present
