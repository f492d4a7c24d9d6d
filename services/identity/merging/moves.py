"""Which rows move when two records of one person become one. Steps inside a transaction.

Every table that refers to people is included, also one that another subject adds later. A row that refers to the merged
record moves to the kept one, unless that has an equal row (by a unique constraint, or a relationship or kind in effect).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.chassis.turns import in_turns
from services.chassis.unit_of_work import UnitOfWork
from services.identity.models import Base

ROWS_AT_ONCE = 10
# Tables in which two open rows could say the same, since no constraint forbids it; and the columns to compare.
_TWINS: Mapping[str, tuple[str, ...]] = {
    "relationships": ("account_id", "person_id", "kind"),
    "person_kinds": ("person_id", "kind"),
}


@dataclass(frozen=True)
class Reference:
    """A column that refers to people or to accounts."""

    table: Table
    column: Column[Any]


def references_to(target: str) -> Iterator[Reference]:
    """Columns that refer to the table `target`, in a fixed order."""
    for table in sorted(Base.metadata.tables.values(), key=lambda each: each.name):
        for column in table.columns:
            if any(key.column.table.name == target for key in column.foreign_keys):
                yield Reference(table, column)


def count(session: Session, reference: Reference, row_id: str) -> int:
    """How many rows refer to `row_id`."""
    statement = select(func.count()).select_from(reference.table).where(reference.column == row_id)
    return session.execute(statement).scalar_one()


def move(unit: UnitOfWork, reference: Reference, before: str, after: str) -> list[dict[str, Any]]:
    """Make rows that refer to `before` refer to `after`. Answers a step for each moved row, by which it can be undone.

    A row stays where it is if `after` has an equal one.
    """
    table, column = reference.table, reference.column
    keys = list(table.primary_key.columns)
    steps = []
    rows = unit.session.execute(select(table).where(column == before)).mappings().all()
    for row in in_turns(rows, ROWS_AT_ONCE):
        if _has_twin(unit, reference, row, after):
            continue
        key = {each.name: row[each.name] for each in keys}
        try:
            with unit.session.begin_nested():
                unit.session.execute(
                    update(table)
                    .where(*(table.c[name] == value for name, value in key.items()))
                    .values({column.name: after})
                )
        except IntegrityError:  # `after` has an equal row
            continue
        key = {name: after if name == column.name else value for name, value in key.items()}
        steps.append({"table": table.name, "column": column.name, "key": key})
    return steps


def _has_twin(unit: UnitOfWork, reference: Reference, row: Mapping[Any, Any], after: str) -> bool:
    table = reference.table
    names = _TWINS.get(table.name)
    if names is None:
        return False
    like = [table.c[name] == (after if name == reference.column.name else row[name]) for name in names]
    holds = or_(table.c.ends_at.is_(None), table.c.ends_at > unit.now)
    return unit.session.execute(select(table.c.id).where(*like, holds).limit(1)).first() is not None


def move_back(unit: UnitOfWork, step: Mapping[str, Any], before: str, after: str) -> bool:
    """Undo one step. False where the row has changed hands since, or its place is taken."""
    table = Base.metadata.tables[step["table"]]
    conditions = [table.c[name] == value for name, value in step["key"].items()]
    try:
        with unit.session.begin_nested():
            done: Any = unit.session.execute(
                update(table)
                .where(*conditions, table.c[step["column"]] == after)
                .values({step["column"]: before})
            )
    except IntegrityError:
        return False
    return bool(done.rowcount == 1)
