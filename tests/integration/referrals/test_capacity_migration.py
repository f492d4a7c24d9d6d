"""The migration to capacity lines keeps a program's numbers, unit, note and taken places."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from services.chassis import migrate
from services.contracts.referrals import capacity
from tests.integration.referrals.builders import STAFF, refusal
from tests.support.in_process import HARBOR, InProcess

PROGRAM, QUEUE, RECORD, REFERRAL = "1" * 32, "2" * 32, "3" * 32, "4" * 32
WHEN = "'2026-01-01 00:00:00'"
BEFORE = (
    (
        "INSERT INTO resources (id, number, level, name, search_key, status, fingerprint, temporary_message, record, version, "
        f"created_at, updated_at, organisation_id) VALUES ('{PROGRAM}', '11', 'program', 'Night Shelter', 'night shelter', "
        f"'active', '{'0' * 64}', 'null', '{{}}', 1, {WHEN}, {WHEN}, '{HARBOR[0]}')"
    ),
    (
        "INSERT INTO capacities (program_id, total, used, unit, note, version, updated_at, organisation_id) "
        f"VALUES ('{PROGRAM}', 20, 1, 'beds', 'Ring the bell', 7, {WHEN}, '{HARBOR[0]}')"
    ),
    (
        "INSERT INTO audit (id, organisation_id, organisation_key, at, actor_kind, actor_id, action, object_type, object_id, "
        f"facts) VALUES ('{'a' * 32}', '{HARBOR[0]}', 'harbor', {WHEN}, 'account', 'x', 'capacity.set', 'program', "
        f"'{PROGRAM}', '{{}}')"
    ),
)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_capacity_becomes_the_first_line_of_its_program(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = (
        f"sqlite:///{tmp_path / 'referrals.db'}"
        if database == "sqlite"
        else request.getfixturevalue("postgres_database")
    )
    migrate.upgrade("referrals", url, "0006")
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in BEFORE:
            connection.execute(text(statement))

    service = InProcess("referrals", url, tmp_path)
    assert migrate.differences("referrals", url) == []
    view = service.call(capacity.get_capacity, STAFF, program_id=PROGRAM)
    assert (view["total"], view["used"], view["free"], view["unit"]) == (20, 1, 19, "beds")
    assert (view["line_id"], view["name"], view["note"], view["version"]) == (
        PROGRAM,
        "beds",
        "Ring the bell",
        7,
    )
    (change,) = service.call(capacity.list_capacity_history, STAFF, program_id=PROGRAM)["items"]
    assert (change["kind"], change["total"], change["used"]) == ("set", 20, 1)
    below = {"program_id": PROGRAM, "total": 0}
    assert refusal(lambda: service.call(capacity.set_capacity, STAFF, **below)) == "capacity_below_use"
    assert service.call(capacity.set_capacity, STAFF, program_id=PROGRAM, total=4)["version"] == 8
    service.close()

    migrate.downgrade("referrals", url, "0006")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT total, used, unit, note FROM capacities")).all()
    assert [tuple(row) for row in rows] == [(4, 1, "beds", "Ring the bell")]
    engine.dispose()
