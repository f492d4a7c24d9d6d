"""Documents of before keep their signer, what was decided and the pages seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from services.chassis import migrate

_DOCUMENT = (
    "INSERT INTO documents (id, organisation_id, version, title, sender_account_id, recipient_account_id, state, pages, "
    "original_sha256, sent_at, viewed_at, decided_at, note, channel, kind, revision, is_wet, reminders, next_reminder_at) "
    "VALUES (:id, 'o', 1, 'T', 's', :account, :state, 2, 'x', '2026-01-01 00:00:00+00:00', NULL, :decided, :note, :channel, "
    "'document', 1, :wet, 0, :due)"
)
_BEFORE: list[dict[str, Any]] = [
    {"id": "a" * 32, "account": "ana", "state": "sent", "due": "2026-01-04 00:00:00+00:00"},
    {
        "id": "b" * 32,
        "account": "ana",
        "state": "returned",
        "decided": "2026-01-02 00:00:00+00:00",
        "note": "Yes.",
    },
    {
        "id": "c" * 32,
        "account": "ben",
        "state": "declined",
        "decided": "2026-01-02 00:00:00+00:00",
        "note": "No.",
    },
    {"id": "d" * 32, "account": "ben", "state": "signed", "wet": True, "note": "On paper."},
    {"id": "e" * 32, "account": None, "state": "sent", "channel": "print"},
]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_documents_of_before_have_one_recipient(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/x.db" if kind == "sqlite" else request.getfixturevalue("postgres_database")
    migrate.upgrade("signing", url, "0009")
    engine = create_engine(url)
    usual = {"decided": None, "note": None, "channel": "email", "wet": False, "due": None}
    with engine.begin() as connection:
        for each in _BEFORE:
            connection.execute(text(_DOCUMENT), usual | each)
        connection.execute(
            text(
                "INSERT INTO seen_pages (document_id, number, at, organisation_id) "
                "VALUES (:id, 2, '2026-01-01 00:00:00+00:00', 'o')"
            ),
            {"id": "a" * 32},
        )
    migrate.upgrade("signing", url)

    def rows(statement: str) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    assert rows("SELECT account_id, state, note FROM recipients ORDER BY document_id") == [
        ("ana", "asked", None),
        ("ana", "signed", "Yes."),
        ("ben", "declined", "No."),
        ("ben", "ended", None),
    ]
    due = "SELECT document_id FROM recipients WHERE next_reminder_at IS NOT NULL AND asked_at IS NOT NULL"
    assert rows(due) == [("a" * 32,)]
    assert rows("SELECT account_id, number FROM pages_seen") == [("ana", 2)]
    assert rows("SELECT signatures_done FROM documents ORDER BY id") == [(0,), (1,), (0,), (1,), (0,)]
    migrate.downgrade("signing", url, "0009")
    assert rows("SELECT document_id, number FROM seen_pages") == [("a" * 32, 2)]
    assert rows("SELECT id FROM documents WHERE next_reminder_at IS NOT NULL") == [("a" * 32,)]
    engine.dispose()
    migrate.downgrade("signing", url)
