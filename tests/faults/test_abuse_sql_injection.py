"""A5: texts that break out of statements, in every text that an operation takes, on both kinds of databases."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from marshmallow import fields
from sqlalchemy import create_engine, insert, inspect, select, text

from services.chassis.models import base_of
from services.contracts import fields as words
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Operation, all_operations
from services.contracts.errors import Refused
from tests.support.databases import migrated, opened
from tests.support.injected import SLEEPS_S, payloads
from tests.support.stack import RunningStack
from tests.support.two_organisations import World, a_request
from tests.support.worlds_of_services import WORLDS

pytestmark = [pytest.mark.full, pytest.mark.timeout(5400), pytest.mark.fault("A5")]
OPERATIONS = all_operations(CONTRACTS)
# One in how many payloads a member gets that takes only ids, codes or words of a list: its rule refuses nearly all of them alike.
OF_STRICT = 20


def texts_of(operation: Operation) -> Iterator[tuple[str, bool]]:
    """The members that take a text, a list of texts or a free object; whether their rule leaves no room for other texts."""
    for name, shape in operation.request.fields.items():
        inner = shape.inner if isinstance(shape, fields.List) else shape
        if isinstance(inner, fields.String):
            yield (
                name,
                isinstance(inner, words.Id)
                or bool(
                    [each for each in inner.validators if hasattr(each, "choices") or hasattr(each, "regex")]
                ),
            )
        elif isinstance(inner, fields.Dict | fields.Raw):
            yield name, False


def filled(operation: Operation, request: dict[str, Any], member: str, payload: str) -> dict[str, Any]:
    """The request with the payload in this member."""
    shape = operation.request.fields[member]
    if isinstance(shape, fields.List):
        return {**request, member: [payload]}
    if isinstance(shape, fields.Dict):
        return {**request, member: {payload: payload}}
    return {**request, member: payload}


def moved_to(world: World, url: str) -> None:
    """Let the service use another database, with the same rows."""
    service = world.service.runtime.service
    migrated(service, url)
    source, target = world.service.database.engine, create_engine(url)
    with source.connect() as before, target.begin() as after:
        after.execute(text("SET session_replication_role = replica"))  # rows may refer to later ones
        for table in base_of(service).metadata.sorted_tables:
            after.execute(table.delete())
            rows = [dict(row) for row in before.execute(select(table)).mappings()]
            if rows:
                after.execute(insert(table), rows)
            for column in table.columns:
                sequence = after.scalar(
                    text("SELECT pg_get_serial_sequence(:table, :column)"),
                    {"table": table.name, "column": column.name},
                )
                if sequence:
                    after.execute(
                        text(
                            f"SELECT setval('{sequence}', (SELECT coalesce(max({column.name}), 1) FROM {table.name}))"
                        )
                    )
    target.dispose()
    world.service.database.close()
    world.service.database = world.service.runtime.database = opened(url)


def counted(world: World) -> dict[str, int]:
    """How many tables there are, and rows of the audit trail and of accounts, which nothing here may take away."""
    with world.service.database.engine.connect() as connection:
        tables = inspect(world.service.database.engine).get_table_names()
        return {"tables": len(tables), "audit": connection.scalar(text("SELECT count(*) FROM audit")) or 0}


@pytest.mark.stalls("an injected text may be slow to refuse; the time is judged here")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("service", WORLDS)
def test_no_text_breaks_out(service: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    world = WORLDS[service](tmp_path)
    if kind == "postgresql":
        moved_to(world, request.getfixturevalue("new_postgres_url"))
    before, every = counted(world), payloads()
    tried = members = 0
    slowest = 0.0
    faults: dict[str, str] = {}
    own = [each for each in OPERATIONS if each.service == service]
    for operation in sorted(own, key=lambda each: each.kind == "command"):
        given = a_request(world, operation, "harbor", "")
        for member, is_strict in texts_of(operation):
            members += 1
            for payload in every[members % OF_STRICT :: OF_STRICT] if is_strict else every:
                started = time.monotonic()
                try:
                    world.service.call(
                        operation,
                        world.caller(operation, "harbor"),
                        version=1 if operation.takes_version else None,
                        **filled(operation, given, member, payload),
                    )
                except Refused:
                    pass
                except Exception as error:
                    faults[f"{operation.address}, {member}"] = f"{payload!r}: {error!r}"[:300]
                took = time.monotonic() - started
                slowest = max(slowest, took)
                if took > SLEEPS_S - 1:
                    faults[f"{operation.address}, {member}"] = f"{payload!r} took {took:.1f} s"
                tried += 1
    after = counted(world)
    world.service.close()
    print(
        f"A5 {service}, {kind}: {tried} texts in {members} members, {len(faults)} faults, slowest {slowest:.2f} s"
    )
    assert faults == {}
    assert after["tables"] == before["tables"]
    assert after["audit"] >= before["audit"]


# Operations that search by what a person typed, and one text of each in which sqlmap looks for a way out.
SEARCHES = (
    ("/v1/directory/resources?q=shelter", None),
    ("/v1/hsds/services?search=shelter", None),
    ("/v1/hsds/service_at_locations?postcode=20009", None),
    ("/v1/people?number=P-00000001", None),
    ("/v1/referrals?number=CR-00000001", None),
    ("/v1/audit/identity?action=account.created", None),
    ("/v1/portal-queue?department=front_desk", None),
    ("/v1/deliveries?kind=referral_assigned", None),
    ("/v1/accounts/search", '{"text": "field"}'),
    ("/v1/contact-records/search", '{"name": "quimby"}'),
)


@pytest.mark.parametrize(("address", "body"), SEARCHES)
def test_sqlmap_finds_no_way_out(
    portico: RunningStack, tmp_path: Path, address: str, body: str | None
) -> None:
    command = [
        *(
            sys.executable,
            "-m",
            "sqlmap.sqlmap",
            "--batch",
            "--level",
            "2",
            "--risk",
            "1",
            "--disable-coloring",
        ),
        *("--threads", "2", "--timeout", "30", "--output-dir", str(tmp_path), "-u", portico.url + address),
        *("--headers", f"Authorization: Bearer {portico.admin.token}\nContent-Type: application/json"),
        *(("--data", body) if body else ()),
        *(("-p", address.partition("?")[2].partition("=")[0]) if "?" in address else ()),
    ]
    env = os.environ | {"HOME": str(tmp_path)}
    run = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=1200
    )
    asked = re.findall(r"^\[.*?(\d+) HTTP\(s\) requests", run.stdout, re.MULTILINE)
    errors = re.findall(r"^\d+ \(.*?\) - \d+ times", run.stdout, re.MULTILINE)
    told = "do not appear to be injectable" in run.stdout
    print(f"A5 sqlmap {address}: asked {asked}, {errors}, nothing found: {told}")
    assert told, run.stdout[-3000:]
    assert not [each for each in errors if each.startswith("5")], errors
