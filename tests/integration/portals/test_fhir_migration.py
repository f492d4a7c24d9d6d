"""Requests and appointments from before their changes were dated stay, with the time at which they began or ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from services.chassis import migrate
from services.contracts.portals import fhir
from services.contracts.portals.messages import WORK
from tests.support.in_process import HARBOR, InProcess, a_caller

OPEN, ENDED, THREAD, TYPE, PROVIDER, PLAN, VISIT, PERSON = (digit * 32 for digit in "12345678")
CALLER = a_caller(WORK, "appointment.manage")
ITEM = (
    "INSERT INTO queue_items (id, version, kind, type, type_name, department, person_id, first_person_id, person_name, "
    "person_name_key, text, thread_id, priority, requested_at, due_at, is_open, is_waiting, state, dismissed_at, "
    "helper_action, action_state, organisation_id) VALUES ('{}', 1, 'request', 't', 'T', 'D', '"
    f"{PERSON}', '{PERSON}', 'P', 'p', 'x', '{THREAD}', 'routine', '2026-01-01 00:00:00', '2026-01-05 00:00:00', "
    "{}, false, '{}', {}, 'none', 'none', '" + HARBOR[0] + "')"
)
BEFORE = (
    (
        "INSERT INTO threads (id, person_id, first_person_id, person_name, type, type_name, started_at, last_at, messages, "
        f"unread, has_sent, has_received, organisation_id) VALUES ('{THREAD}', '{PERSON}', '{PERSON}', 'P', 't', 'T', "
        f"'2026-01-01 00:00:00', '2026-01-01 00:00:00', 0, 0, false, false, '{HARBOR[0]}')"
    ),
    ITEM.format(OPEN, "true", "open", "NULL"),
    ITEM.format(ENDED, "false", "completed", "'2026-01-03 00:00:00'"),
    (
        "INSERT INTO queue_steps (item_id, number, at, step, actor_id, organisation_id) "
        f"VALUES ('{OPEN}', 1, '2026-01-01 00:00:00', 'received', 'a', '{HARBOR[0]}')"
    ),
    (
        "INSERT INTO appointment_types (id, version, code, name, minutes, realms, is_shown_to_supervisors, "
        "changes_until_hours, is_active, created_at, organisation_id) "
        f"VALUES ('{TYPE}', 1, 'c', 'C', 30, '[]', false, 24, true, '2026-01-01 00:00:00', '{HARBOR[0]}')"
    ),
    (
        "INSERT INTO appointment_providers (id, version, name, type_ids, is_active, created_at, organisation_id) "
        f"VALUES ('{PROVIDER}', 1, 'R', '[]', true, '2026-01-01 00:00:00', '{HARBOR[0]}')"
    ),
    (
        "INSERT INTO schedules (id, version, provider_id, place, time_zone, hours, exceptions, created_at, organisation_id) "
        f"VALUES ('{PLAN}', 1, '{PROVIDER}', 'P', 'UTC', '[]', '[]', '2026-01-02 00:00:00', '{HARBOR[0]}')"
    ),
    (
        "INSERT INTO appointments (id, version, person_id, first_person_id, type_id, provider_id, schedule_id, starts_at, "
        'ends_at, "on", place, time_zone, state, source, moves, booked_at, organisation_id) '
        f"VALUES ('{VISIT}', 1, '{PERSON}', '{PERSON}', '{TYPE}', '{PROVIDER}', '{PLAN}', '2026-02-01 09:00:00', "
        f"'2026-02-01 09:30:00', '2026-02-01', 'P', 'UTC', 'booked', 'staff', 0, '2026-01-04 00:00:00', '{HARBOR[0]}')"
    ),
    (
        "INSERT INTO taken_times (provider_id, at, appointment_id, organisation_id) "
        f"VALUES ('{PROVIDER}', '2026-02-01 09:00:00', '{VISIT}', '{HARBOR[0]}')"
    ),
)
CHANGED = {
    ("CommunicationRequest", OPEN): "2026-01-01",
    ("CommunicationRequest", ENDED): "2026-01-03",
    ("Appointment", VISIT): "2026-01-04",
    ("Schedule", PLAN): "2026-01-02",
}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_was_there_before_has_a_time_of_change(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    is_sqlite = database == "sqlite"
    url = f"sqlite:///{tmp_path / 'x.db'}" if is_sqlite else request.getfixturevalue("postgres_database")
    migrate.upgrade("portals", url, "0022")
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in BEFORE:
            connection.execute(text(statement))
    engine.dispose()

    service = InProcess("portals", url, tmp_path)
    assert migrate.differences("portals", url) == []
    for (kind, resource_id), day in CHANGED.items():
        found = service.call(fhir.OPERATIONS[kind][0], CALLER, resource_id=resource_id)["resource"]
        assert found["meta"]["lastUpdated"][:10] == day
    service.close()
