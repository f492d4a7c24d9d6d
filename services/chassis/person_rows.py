"""Which rows of a service are about one person: it follows from the models, so that no new table can be forgotten.

They are the rows that name the person (`person_id`) or, where they name nobody, one of the person's accounts (`account_id`), and
the rows that hang on these, by a foreign key or by `models.hangs_on`. What was merged into the person counts as the person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Table, and_, delete, func, or_, select, update

from services.chassis.database import of_organisation
from services.chassis.models import HANGS_ON
from services.chassis.turns import in_turns

AT_ONCE = 200
_SECRET = re.compile(r"hash|secret|sealed|token|password")
# The same names and texts once more, in the form in which they are searched.
_FOR_SEARCH = {"person_names", "account_names", "contact_record_names", "queue_texts"}
# What a member of staff wrote to justify emergency access.
_OF_OTHERS = {("audit", "reason")}
Row = Mapping[str, Any]
Found = dict[str, list[Row]]


@dataclass(frozen=True)
class Person:
    """Whom it is about: an organisation's person with whoever was merged into it, and their accounts."""

    organisation_id: str
    people: Sequence[str]
    accounts: Sequence[str]


def rows_of(connection: Connection, base: Any, person: Person) -> Found:
    """A service's rows about a person, by table. Rows that name somebody else are left out."""
    found = _find(connection, base, person, hanging_on_others=False)
    return {name: rows for name, rows in found.items() if name not in _FOR_SEARCH}


def shown(base: Any, table: str, row: Row) -> dict[str, Any]:
    """What the person may see of a row: no secrets, no hashes, no bytes."""
    columns = base.metadata.tables[table].c
    return {
        name: value
        for name, value in row.items()
        if not (
            _SECRET.search(name) or (table, name) in _OF_OTHERS or isinstance(columns[name].type, LargeBinary)
        )
    }


def rows_to_erase(connection: Connection, base: Any, person: Person) -> Found:
    """As `rows_of`, with what hangs on these rows whomever it names, since it could not stay without them."""
    return _find(connection, base, person, hanging_on_others=True)


def rows_about_others(connection: Connection, base: Any, person: Person) -> int:
    """How many rows name one of the person's accounts and somebody else: what the person did in another's record."""
    count = 0
    for table in tables_of(base):
        columns = table.c
        if "account_id" in columns and "person_id" in columns:
            other = and_(columns.person_id.is_not(None), columns.person_id.not_in(person.people))
            for some in _some(person.accounts):
                condition = and_(_of(table, person), columns.account_id.in_(some), other)
                counted = select(func.count()).select_from(table).where(condition)
                count += connection.execute(counted).scalar_one()
    return count


def delete_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Delete these rows, after others of the table have let go of them."""
    for some in in_turns(list(_some(rows)), 1):
        for column in table.c:
            if any(key.column.table is table for key in column.foreign_keys):
                gone = [row["id"] for row in some]
                connection.execute(update(table).where(column.in_(gone)).values({column.name: None}))
        connection.execute(delete(table).where(_any_of(table, some)))


def change_row(connection: Connection, table: Table, row: Row, values: Mapping[str, Any]) -> None:
    """Give a row other values."""
    connection.execute(update(table).where(_any_of(table, [row])).values(dict(values)))


def key_of(table: Table, row: Row) -> tuple[Any, ...]:
    """The primary key of a row."""
    return tuple(row[column.name] for column in table.primary_key)


def _find(connection: Connection, base: Any, person: Person, *, hanging_on_others: bool) -> Found:
    found: Found = {}
    for table in in_turns(tables_of(base), 1):  # parents before children
        rows: dict[tuple[Any, ...], Row] = {}
        for condition in _conditions(table, person, found, hanging_on_others=hanging_on_others):
            of_person = connection.execute(select(table).where(_of(table, person), condition)).mappings()
            rows |= {key_of(table, row): row for row in map(dict, of_person)}
        if rows:
            found[table.name] = list(rows.values())
    return found


def tables_of(base: Any) -> list[Table]:
    """The tables of organisations' rows: each after those on which its rows hang."""
    tables = [table for table in base.metadata.sorted_tables if "organisation_id" in table.c]
    return sorted(tables, key=lambda table: any(HANGS_ON in column.info for column in table.c))


def hangs_on(table: Table) -> Iterator[tuple[str, str, str]]:
    """On what rows of a table hang: its column, the other table, and that table's column."""
    for column in table.c:
        for key in column.foreign_keys:
            if key.column.table is not table:
                yield column.name, key.column.table.name, key.column.name
        if HANGS_ON in column.info:
            owner, _, name = column.info[HANGS_ON].partition(".")
            yield column.name, owner, name


def _of(table: Table, person: Person) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = of_organisation(table.c.organisation_id, person.organisation_id)
    return condition


def _conditions(
    table: Table, person: Person, found: Found, *, hanging_on_others: bool
) -> Iterator[ColumnElement[bool]]:
    """The conditions under which a row is about the person, each with a limited list of ids."""
    columns = table.c
    if table.name == "people":
        yield columns.id.in_(person.people)
    of_person = columns.get("person_id")
    if of_person is not None:
        yield of_person.in_(person.people)
    names_nobody = [] if of_person is None else [or_(of_person.is_(None), of_person.in_(person.people))]
    if "account_id" in columns and (of_person is None or of_person.nullable):
        yield from (and_(columns.account_id.in_(some), *names_nobody) for some in _some(person.accounts))
    for name, owner, of_owner in hangs_on(table):
        parents = [row[of_owner] for row in found.get(owner, ()) if row[of_owner] is not None]
        of_others = [] if hanging_on_others and owner not in ("people", "accounts") else names_nobody
        yield from (and_(columns[name].in_(some), *of_others) for some in _some(parents))


def _any_of(table: Table, rows: Sequence[Row]) -> ColumnElement[bool]:
    names = [column.name for column in table.primary_key]
    if len(names) == 1:
        return table.c[names[0]].in_([row[names[0]] for row in rows])
    return or_(*(and_(*(table.c[name] == row[name] for name in names)) for row in rows))


def _some(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]
