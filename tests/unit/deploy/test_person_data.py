"""What is written down about one person: rows of all services that name the person, and nobody else's."""

from __future__ import annotations

import datetime
import io
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, DateTime, Integer, LargeBinary, create_engine, insert

from deploy import person_data
from deploy.migrate import SERVICES
from deploy.person_data import write_all
from services.chassis.models import JsonValue, base_of
from tests.support.databases import migrated

HARBOR, BAYSIDE = "a" * 32, "b" * 32
ME, TWIN, OTHER, MY_ACCOUNT = "1" * 32, "2" * 32, "3" * 32, "4" * 32
NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
Urls = dict[str, str]
_NUMBERS = itertools.count(1)


@pytest.fixture
def urls(tmp_path: Path) -> Urls:
    found = {service: f"sqlite:///{tmp_path / service}.db" for service in SERVICES}
    for service, url in found.items():
        migrated(service, url)
    put(found, "identity", "organisations", id=HARBOR, key="harbor")
    for person, organisation in ((ME, HARBOR), (TWIN, HARBOR), (OTHER, HARBOR)):
        put(found, "identity", "people", id=person, organisation_id=organisation)
    put(found, "identity", "accounts", id=MY_ACCOUNT, person_id=ME, password_hash="$argon2$mine")
    put(found, "identity", "sessions", id="s" * 32, account_id=MY_ACCOUNT, token_hash="hidden")
    return found


def put(urls: Urls, service: str, name: str, **values: Any) -> None:
    """A row with these values, and something in every other column that must not be empty."""
    table = base_of(service).metadata.tables[name]
    row = {
        column.name: _something(column)
        for column in table.c
        if not (column.nullable or column.name in values or column.autoincrement is True)
    }
    engine = create_engine(urls[service])
    with engine.begin() as connection:
        connection.execute(insert(table).values({**row, **values}))
    engine.dispose()


def _something(column: Any) -> Any:
    if column.name == "organisation_id":
        return HARBOR
    for kind, value in ((Boolean, False), (Integer, next(_NUMBERS)), (DateTime, NOW), (LargeBinary, b"x")):
        if isinstance(column.type, kind) or isinstance(getattr(column.type, "impl", None), kind):
            return value
    return {} if column.type is JsonValue else f"x{next(_NUMBERS)}"


def written(urls: Urls, person: str = ME, organisation: str = HARBOR) -> dict[str, list[Any]]:
    """The rows by `service.table`."""
    file = io.BytesIO()
    found: dict[str, list[Any]] = {}
    write_all(urls, organisation, person, file, io.StringIO())
    for line in file.getvalue().splitlines():
        entry = json.loads(line)
        found.setdefault(f"{entry['service']}.{entry['table']}", []).append(entry["row"])
    return found


def test_rows_of_the_person_the_accounts_and_what_hangs_on_them_are_written_without_secrets(
    urls: Urls,
) -> None:
    put(urls, "referrals", "contact_records", id="r" * 32, person_id=ME, number=1)
    put(urls, "referrals", "contact_record_changes", id="c" * 32, contact_record_id="r" * 32)
    put(urls, "notifications", "deliveries", id="d" * 32, account_id=MY_ACCOUNT)
    found = written(urls)
    assert found["identity.people"][0]["id"] == ME
    assert found["identity.accounts"][0]["id"] == MY_ACCOUNT
    assert [row["id"] for row in found["identity.sessions"]] == ["s" * 32]
    assert [row["id"] for row in found["referrals.contact_record_changes"]] == ["c" * 32]
    assert [row["id"] for row in found["notifications.deliveries"]] == ["d" * 32]
    assert "hidden" not in str(found)
    assert "argon2" not in str(found)


def test_rows_of_somebody_else_are_left_out_also_within_what_is_the_person_s(urls: Urls) -> None:
    put(urls, "referrals", "contact_records", id="r" * 32, person_id=OTHER, number=1)
    put(urls, "portals", "threads", id="t" * 32, person_id=ME, account_id=MY_ACCOUNT)
    put(urls, "portals", "messages", id="m" * 32, thread_id="t" * 32, person_id=ME)
    put(urls, "portals", "messages", id="n" * 32, thread_id="t" * 32, person_id=OTHER)
    found = written(urls)
    assert "referrals.contact_records" not in found
    assert [row["id"] for row in found["portals.messages"]] == ["m" * 32]


def test_whoever_was_merged_into_the_person_belongs_to_it_until_that_is_undone(urls: Urls) -> None:
    put(urls, "identity", "person_merges", id="m" * 32, kept_id=ME, merged_id=TWIN)
    put(urls, "identity", "person_merges", id="n" * 32, kept_id=ME, merged_id=OTHER, undone_at=NOW)
    assert {row["id"] for row in written(urls)["identity.people"]} == {ME, TWIN}


def test_another_organisation_s_rows_are_never_written(urls: Urls) -> None:
    put(urls, "referrals", "contact_records", id="r" * 32, person_id=ME, number=1, organisation_id=BAYSIDE)
    assert "referrals.contact_records" not in written(urls)
    assert written(urls, organisation=BAYSIDE) == {}


def test_the_command_writes_a_private_file_once_and_leaves_a_trace(
    urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for service, url in urls.items():
        monkeypatch.setenv(f"{service.upper()}_DATABASE_URL", url)
    file = tmp_path / "person.ndjson"
    assert person_data.main(["harbor", ME, str(file)]) == 0
    assert file.stat().st_mode & 0o077 == 0
    assert person_data.main(["harbor", ME, str(file)]) == 1
    assert "name a new file" in capsys.readouterr().err
    assert person_data.main(["harbor", "9" * 32, str(tmp_path / "other")]) == 1
    assert "no such person" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
    traces = written(urls)["identity.audit"]
    assert [(row["action"], row["object_id"]) for row in traces] == [("person.exported", ME)] * 2
