"""Checks that the tables in code are those that the migrations make."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

from deploy.checks.portico import Portico
from services.chassis import migrate

WHAT_TO_DO = "mend the model, or write `make migration SERVICE={service} NAME=…`"


def problems(portico: Portico) -> list[str]:
    """The differences in an SQLite database, one sentence each. The tests compare in PostgreSQL as well."""
    found = []
    with tempfile.TemporaryDirectory(prefix="portico-checks-") as folder:
        for service in portico.services:
            url = f"sqlite:///{folder}/{service}.db"
            migrate.upgrade(service, url)
            found += differences(service, url)
    return found


def differences(service: str, url: str) -> list[str]:
    """The differences between the tables in code and the migrated database at `url`, one sentence each."""
    return [
        f"services/{service}: {what}; {WHAT_TO_DO.format(service=service)}"
        for difference in migrate.differences(service, url)
        for what in _described(difference)
    ]


def _described(difference: Any) -> Iterator[str]:
    """Alembic's difference in words. `add` and `remove` name what would make the database fit the models."""
    if isinstance(difference, list):  # changes of one column
        for change in difference:
            kind, _, table, column, *_, before, after = change
            yield f"{table}.{column} is {before!r} in the migrations and {after!r} in the model ({kind})"
        return
    kind, *rest = difference
    verb, _, noun = kind.partition("_")
    place = "the migrations" if verb == "add" else "the model"
    yield f"{noun} {_name(rest)} is missing in {place}"


def _name(rest: list[Any]) -> str:
    """`table`, `table.column`, or the index or constraint with its columns."""
    thing = rest[-1]
    table = getattr(thing, "table", None)
    if table is None:
        return str(thing.name)
    columns = ", ".join(column.name for column in getattr(thing, "columns", ()))
    return f"{table.name}.{thing.name} ({columns})" if columns else f"{table.name}.{thing.name}"
