"""Backup and restore of SQLite files: what was saved is there again, and what was published since is published again."""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
from pathlib import Path

import pytest

from deploy import backup as saving
from deploy import publish_again as publishing
from deploy import restore as restoring
from deploy.backup import BackupError, backup
from deploy.migrate import SERVICES
from deploy.restore import restore
from tests.support.databases import migrated

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def urls(tmp_path: Path) -> dict[str, str]:
    found = {service: f"sqlite:///{tmp_path / service}.db" for service in ("notifications", "identity")}
    for service, url in found.items():
        migrated(service, url)
    return found


def run(url: str, statement: str, *values: object) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        return connection.execute(statement, values).fetchall()


def publish(url: str, event_id: str, at: datetime.datetime) -> None:
    """As if the broker had confirmed this event."""
    run(
        url,
        "INSERT INTO published_events (event_id, aggregate, exchange, routing_key, body, created_at)"
        " VALUES (?, 'a', 'identity.events', 'k', x'7b7d', ?)",
        event_id,
        at.replace(tzinfo=None).isoformat(" "),
    )


def outbox(url: str) -> list[object]:
    return [row[0] for row in run(url, "SELECT event_id FROM outbox ORDER BY seq")]


def test_what_was_saved_is_there_again_and_recent_events_wait(urls: dict[str, str], tmp_path: Path) -> None:
    identity = urls["identity"]
    publish(identity, "old", NOW - datetime.timedelta(days=1))
    publish(identity, "recent", NOW - datetime.timedelta(minutes=5))
    moment = NOW.replace(tzinfo=None).isoformat(" ")
    run(
        identity,
        "INSERT INTO sessions (id, organisation_id, account_id, token_hash, created_at, last_seen_at, expires_at)"
        " VALUES ('s', 'o', 'a', 't', ?, ?, ?)",
        *[moment] * 3,
    )
    files = tmp_path / "blobs"
    (files / "part").mkdir(parents=True)
    (files / "part" / "file").write_text("a document")
    backup(tmp_path / "saved", urls, files)

    run(identity, "DELETE FROM sessions")
    publish(identity, "lost", NOW)
    (files / "part" / "file").unlink()
    assert restore(tmp_path / "saved", urls, files) == {"notifications": 0, "identity": 1}

    assert outbox(identity) == ["recent"]
    assert run(identity, "SELECT end_reason FROM sessions") == [("restored",)]
    assert (files / "part" / "file").read_text() == "a document"
    assert run(identity, "SELECT count(*) FROM published_events") == [(2,)]


def test_events_are_published_from_an_earlier_time_if_asked(urls: dict[str, str], tmp_path: Path) -> None:
    publish(urls["identity"], "old", NOW - datetime.timedelta(days=1))
    backup(tmp_path / "saved", urls, None)
    counts = restore(tmp_path / "saved", urls, None, since=NOW - datetime.timedelta(days=2))
    assert counts["identity"] == 1
    assert outbox(urls["identity"]) == ["old"]


def test_a_damaged_or_incomplete_backup_changes_nothing(urls: dict[str, str], tmp_path: Path) -> None:
    backup(tmp_path / "saved", urls, None)
    publish(urls["identity"], "kept", NOW)
    with (tmp_path / "saved" / "notifications.db").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BackupError, match=r"notifications\.db is missing or has changed"):
        restore(tmp_path / "saved", urls, None)
    (tmp_path / "saved" / "backup.json").unlink()
    with pytest.raises(BackupError, match=r"backup\.json is missing"):
        restore(tmp_path / "saved", urls, None)
    assert run(urls["identity"], "SELECT event_id FROM published_events") == [("kept",)]


def test_a_backup_is_never_written_over(urls: dict[str, str], tmp_path: Path) -> None:
    backup(tmp_path / "saved", urls, None)
    with pytest.raises(BackupError, match="has a backup already"):
        backup(tmp_path / "saved", urls, None)


def test_nobody_else_can_read_a_backup(urls: dict[str, str], tmp_path: Path) -> None:
    backup(tmp_path / "saved", urls, None)
    assert (tmp_path / "saved").stat().st_mode & 0o077 == 0
    assert (tmp_path / "saved" / "identity.db").stat().st_mode & 0o077 == 0


def test_a_database_of_the_other_kind_is_refused(urls: dict[str, str], tmp_path: Path) -> None:
    backup(tmp_path / "saved", urls, None)
    elsewhere = urls | {"identity": "postgresql+psycopg2://nobody@127.0.0.1:1/identity"}
    with pytest.raises(BackupError, match="not of the same kind"):
        restore(tmp_path / "saved", elsewhere, None)


@pytest.mark.parametrize("main", [saving.main, restoring.main])
def test_a_missing_address_is_named(main: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("IDENTITY_DATABASE_URL", raising=False)
    monkeypatch.setenv("BLOB_DIR", str(tmp_path))
    with pytest.raises(SystemExit, match="IDENTITY_DATABASE_URL"):
        main([str(tmp_path / "saved")])  # type: ignore[operator]


@pytest.mark.parametrize(
    ("bucket", "saved"),
    [({}, Path("/b")), ({"BLOB_S3_BUCKET": ""}, Path("/b")), ({"BLOB_S3_BUCKET": "x"}, None)],
)
def test_files_in_a_bucket_are_left_to_its_store(bucket: dict[str, str], saved: Path | None) -> None:
    assert saving.files_to_save({"BLOB_DIR": "/b", **bucket}) == saved


def test_events_since_a_time_are_published_again_by_the_services_that_are_named(
    urls: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for service in SERVICES:
        monkeypatch.setenv(f"{service.upper()}_DATABASE_URL", urls.get(service, "sqlite://"))
    for service in ("identity", "notifications"):
        publish(urls[service], "old", NOW - datetime.timedelta(days=1))
        publish(urls[service], "recent", NOW - datetime.timedelta(minutes=5))
    since = (NOW - datetime.timedelta(hours=1)).isoformat()

    assert publishing.main([since, "identity"]) == 0

    assert (outbox(urls["identity"]), outbox(urls["notifications"])) == (["recent"], [])
    assert capsys.readouterr().out == "identity will publish 1 events again\n"
    for wrong in ([since, "identities"], ["2026-05-01T10:00:00", "identity"], ["yesterday"]):
        with pytest.raises(SystemExit):
            publishing.main(wrong)
    assert outbox(urls["identity"]) == ["recent"]
