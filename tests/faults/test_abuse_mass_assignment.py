"""A4: members that are columns or sound like rights, sent beside or within what an operation takes. None changes anything.

Requests and names are made from the declarations and the models, so new operations and columns are covered.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from marshmallow import RAISE, Schema, fields
from sqlalchemy import inspect, text

from services.chassis.models import base_of
from services.contracts.catalogue import CONTRACTS
from services.contracts.catalogue import SERVICES as NAMES
from services.contracts.declare import Operation, all_operations
from services.contracts.errors import Refused
from tests.support.two_organisations import World, a_request
from tests.support.worlds_of_services import WORLDS

pytestmark = pytest.mark.fault("A4")
OPERATIONS = all_operations(CONTRACTS)
COMMANDS = [each for each in OPERATIONS if each.kind == "command"]
# What programs elsewhere have taken for a right or a secret when it was sent to them.
SENSITIVE = (
    "is_admin", "admin", "role", "roles", "permissions", "security_level", "realm", "organisation_id", "org", "owner_id",
    "account_id", "password_hash", "version", "__proto__", "_state",
)  # fmt: skip
SENT = "zz-mass-assigned"


def columns() -> set[str]:
    """The names of all columns of all services."""
    return {
        column.name
        for service in NAMES
        for table in base_of(service).metadata.sorted_tables
        for column in table.columns
    }


EVERY_NAME = sorted(columns() | set(SENSITIVE))


def shapes(schema: Schema, path: str = "", seen: tuple[type, ...] = ()) -> Iterator[tuple[str, Schema]]:
    """A request and each object within it. A questionnaire holds items within items: they are looked at once."""
    if type(schema) in seen:
        return
    yield path, schema
    for name, shape in schema.fields.items():
        for within in (shape, getattr(shape, "inner", None), getattr(shape, "value_field", None)):
            if isinstance(within, fields.Nested):
                yield from shapes(within.schema, f"{path}.{name}", (*seen, type(schema)))


@pytest.mark.parametrize("service", NAMES)
def test_no_request_takes_a_member_that_it_does_not_declare(service: str) -> None:
    """Neither beside its members nor in an object within it."""
    looked_at = 0
    for operation in OPERATIONS:
        if operation.service != service:
            continue
        for path, schema in shapes(operation.request):
            assert schema.unknown == RAISE, f"{operation.address}{path}"
            undeclared = set(EVERY_NAME) - set(schema.fields)
            refused = schema.validate(dict.fromkeys(undeclared, SENT))
            assert undeclared <= set(refused), f"{operation.address}{path} takes {undeclared - set(refused)}"
            looked_at += len(undeclared)
    assert looked_at > 5000


def free_members(operation: Operation) -> list[str]:
    """The members whose keys the caller chooses."""
    return [name for name, shape in operation.request.fields.items() if isinstance(shape, fields.Dict)]


def sent_into_columns(world: World) -> list[str]:
    """Where the value that was sent lies in a column that is no JSON, and so has a meaning of its own."""
    found = []
    with world.service.database.engine.connect() as connection:
        for table in inspect(world.service.database.engine).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')).mappings():
                found += [
                    f"{table}.{column}"
                    for column, value in row.items()
                    if isinstance(value, str) and SENT in value and not value.lstrip().startswith(("{", "["))
                ]
    return found


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("service", WORLDS)
def test_keys_that_the_caller_chooses_reach_no_column(service: str, tmp_path: Path) -> None:
    world = WORLDS[service](tmp_path)
    for operation in COMMANDS:
        if operation.service != service:
            continue
        for member in free_members(operation):
            with world.copied():
                given = a_request(world, operation, "harbor", "")
                for keys in (dict.fromkeys(EVERY_NAME, SENT), {"x": dict.fromkeys(EVERY_NAME, SENT)}):
                    outcome_of(world, operation, {**given, member: keys})
                assert sent_into_columns(world) == [], f"{operation.address}, {member}"
    world.service.close()


def outcome_of(world: World, operation: Operation, request: dict[str, Any]) -> tuple[str, str]:
    """The code of the answer, and what it tells. Empty: carried out."""
    try:
        # Some names are also those of arguments of `call`.
        version = 1 if operation.takes_version else None
        world.service._carry_out(operation, world.caller(operation, "harbor"), version, None, None, request)
    except Refused as refusal:
        return refusal.code, f"{refusal.field} {refusal.detail} {refusal.more}"
    return "", ""


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_every_command_refuses_every_name_and_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tried = changed = 0
    for service, build in WORLDS.items():
        world = build(tmp_path_factory.mktemp(f"mass-{service}"))
        commands = [each for each in COMMANDS if each.service == service]
        before = dump(world)
        for operation in commands:
            tried += refuses_each_name(world, operation)
        changed += before != dump(world)
        world.service.close()
    print(f"A4: {tried} names sent to {len(COMMANDS)} commands, {changed} services changed")
    assert changed == 0


def refuses_each_name(world: World, operation: Operation) -> int:
    """Send each name by itself, beside a request that is otherwise complete."""
    given = a_request(world, operation, "harbor", "")
    undeclared = [each for each in EVERY_NAME if each not in operation.request.fields]
    for name in undeclared:
        answer = outcome_of(world, operation, {**given, name: SENT})
        assert answer[0] == "invalid_request", (operation.address, name, answer)
        assert name in answer[1], (operation.address, name, answer)
    return len(undeclared)


def dump(world: World) -> dict[str, list[str]]:
    """Every row, without tries and request ids."""
    with world.service.database.engine.connect() as connection:
        return {
            table: sorted(repr(tuple(row)) for row in connection.execute(text(f'SELECT * FROM "{table}"')))
            for table in inspect(world.service.database.engine).get_table_names()
            if table not in ("throttles", "requests")
        }
