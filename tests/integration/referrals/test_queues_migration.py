"""Queues and contact records from before queues could be set up stay, and get the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from services.chassis import migrate
from services.contracts.referrals import queues, records
from tests.integration.referrals.builders import STAFF
from tests.support.in_process import HARBOR, InProcess

QUEUE, RECORD = "2" * 32, "3" * 32
WHEN = "'2026-01-01 00:00:00'"
BEFORE = (
    (
        "INSERT INTO queues (id, name, name_key, is_active, version, created_at, updated_at, organisation_id) "
        f"VALUES ('{QUEUE}', 'Housing', 'housing', true, 4, {WHEN}, {WHEN}, '{HARBOR[0]}')"
    ),
    *(
        "INSERT INTO queue_statuses (id, queue_id, key, label, position, is_terminal, fhir_status, reason_required, "
        f"outcome_required, organisation_id) VALUES ('{position}', '{QUEUE}', '{key}', '{key}', {position}, {is_end}, "
        f"'{fhir}', false, false, '{HARBOR[0]}')"
        for position, (key, is_end, fhir) in enumerate(
            (
                ("referred", "false", "requested"),
                ("enrolled", "false", "in-progress"),
                ("done", "true", "completed"),
            )
        )
    ),
    (
        "INSERT INTO contact_records (id, number, first_name, sections, submitted_at, version, created_at, organisation_id) "
        f"VALUES ('{RECORD}', 'CR-00000001', 'Ana', '[]', {WHEN}, 1, {WHEN}, '{HARBOR[0]}')"
    ),
)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_was_there_before_can_be_set_up_and_edited(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = (
        f"sqlite:///{tmp_path / 'referrals.db'}"
        if database == "sqlite"
        else request.getfixturevalue("postgres_database")
    )
    migrate.upgrade("referrals", url, "0002")
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in BEFORE:
            connection.execute(text(statement))
    engine.dispose()

    service = InProcess("referrals", url, tmp_path)
    assert migrate.differences("referrals", url) == []
    queue = service.call(queues.get_queue, STAFF, queue_id=QUEUE)
    assert (queue["settings"]["when_full"], queue["forms"], queue["description"]) == ("block", [], None)
    assert [status["category"] for status in queue["statuses"]] == ["offered", "enrolled", "enrolled"]
    edited = service.call(queues.edit_queue, STAFF, queue_id=QUEUE, version=4, settings={"when_full": "warn"})
    assert (edited["version"], edited["settings"]["when_full"]) == (5, "warn")
    assert service.call(records.get_contact_record, STAFF, contact_record_id=RECORD)["form_code"] is None
    changed = service.call(
        records.edit_contact_record, STAFF, contact_record_id=RECORD, version=1, phone="555 0100"
    )
    assert changed["version"] == 2
    service.close()
    migrate.downgrade("referrals", url, "0002")
