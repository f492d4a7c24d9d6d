"""What is about a person is found by indexes, so that an export or an erasure reads no whole table."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
from sqlalchemy import Table, UniqueConstraint

from services.chassis.person_rows import tables_of
from services.contracts.catalogue import CONTRACTS

SERVICES = [contract.service for contract in CONTRACTS]


def searched_by(table: Table) -> Iterator[str]:
    """The columns by which rows about a person are looked for."""
    of_person = table.c.get("person_id")
    if of_person is not None:
        yield of_person.name
    if "account_id" in table.c and (of_person is None or of_person.nullable):
        yield "account_id"


def is_found_by(table: Table, column: str) -> bool:
    """Whether an index begins with the column, or with the organisation and then the column."""
    unique = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    begins = [
        [each.name for each in index.columns][:2] for index in (*table.indexes, *unique, table.primary_key)
    ]
    return any(found[:1] == [column] or found == ["organisation_id", column] for found in begins)


@pytest.mark.parametrize("service", SERVICES)
def test_rows_about_a_person_are_found_by_an_index(service: str) -> None:
    importlib.import_module(f"services.{service}.service")
    base = importlib.import_module(f"services.{service}.models").Base
    searched = [(table, column) for table in tables_of(base) for column in searched_by(table)]
    assert searched
    assert [f"{table.name}.{column}" for table, column in searched if not is_found_by(table, column)] == []
