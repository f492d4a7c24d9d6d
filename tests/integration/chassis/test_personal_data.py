"""Each service erases a person: rows of every table about the person are made, with a word that must not be found afterwards."""

from __future__ import annotations

import datetime
import importlib
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    String,
    Time,
    create_engine,
    insert,
    select,
    text,
)

from services.chassis.models import JsonValue, base_of
from services.chassis.person_rows import Person, hangs_on, tables_of
from services.chassis.personal_data import Erased, erase
from services.contracts.catalogue import SERVICES
from tests.support.databases import migrated, opened
from tests.support.in_process import BAYSIDE, HARBOR

ME, TWIN, OTHER = "1" * 32, "2" * 32, "3" * 32
MINE, THEIRS = "4" * 32, "5" * 32
CANARY, STRANGER = "canary", "strange"
NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
PERSON = Person(HARBOR[0], (ME, TWIN), (MINE,))
# Codes, labels and hashes of rows that stay. Whoever adds a column here has looked whether it may name somebody.
STAYS = {
    "identity": {
        "people": (),
        "accounts": ("login_space", "realm"),
        "personal_data_jobs": ("kind", "ordered_by", "organisation_key", "reason_code", "people", "accounts"),
        "personal_data_parts": ("kept", "service"),
    },
    "referrals": {
        "contact_records": ("form_code", "number"),
        "contact_record_changes": ("fields",),
        "offers": ("created_by", "organisation_key", "priority", "state"),
        "referrals": ("ended_by", "outcome_code", "priority", "reason_code", "status"),
        "referral_status_changes": (
            "actor_realm", "from_key", "from_label", "kind", "outcome_code", "reason_code", "to_key", "to_label",
        ),
    },
    "portals": {
        "signed_consents": ("decision", "language", "method", "realm", "text", "text_hash", "title"),
    },
    "notifications": {},
    "signing": {
        "documents": (
            "addressee", "channel", "fax_number", "fax_state", "kind", "meaning", "organisation_key", "original_sha256",
            "reason_code", "signed_sha256", "signing_claim", "state",
        ),
        "recipients": ("decided_in", "meaning", "reason_code", "role", "state"),
        "decisions": ("kind", "sha256"),
    },
}  # fmt: skip
_NUMBERS = itertools.count(1)


class Filled:
    """A service's database with a row of every table about the person, and one about somebody else."""

    def __init__(self, service: str, url: str) -> None:
        self.url = url
        migrated(service, self.url)
        self.base, self.database = base_of(service), opened(self.url)
        self.kept = importlib.import_module(f"services.{service}.personal_data.kept").KEPT
        self.tables = self._fill(ME, MINE, CANARY)
        self._fill(OTHER, THEIRS, STRANGER)

    def _fill(self, person_id: str, account_id: str, word: str) -> list[str]:
        made: dict[str, dict[str, Any]] = {}
        named = {"person_id": person_id, "account_id": account_id, "organisation_id": HARBOR[0]}
        own_ids = {"people": person_id, "accounts": account_id}
        for table in tables_of(self.base):
            is_named = table.name == "people" or "person_id" in table.c or "account_id" in table.c
            if table.name != "audit" and (is_named or any(owner in made for _, owner, _ in hangs_on(table))):
                row = {column.name: something(column, word) for column in table.c}
                row |= {name: value for name, value in named.items() if name in row}
                row |= {"signatures_done": 1} if "signatures_done" in row else {}
                row |= {"id": own_ids[table.name]} if table.name in own_ids else {}
                row |= {
                    name: made[owner][of_owner] for name, owner, of_owner in hangs_on(table) if owner in made
                }
                self._insert(table, row)
                made[table.name] = row
        return sorted(made)

    def _insert(self, table: Any, row: dict[str, Any]) -> None:
        engine = create_engine(self.url)  # without foreign keys: the row's other parents do not exist
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SET session_replication_role = replica"))
            connection.execute(insert(table).values(row))
        engine.dispose()

    def erase(self, person: Person = PERSON) -> Erased:
        return self.database.write(None, lambda session: erase(session, self.base, person, self.kept))

    def places_of(self, word: str) -> dict[str, set[str]]:
        """Where a word is found: columns by table."""
        found: dict[str, set[str]] = {}
        for table in self.base.metadata.sorted_tables:
            for row in self.rows(table.name):
                columns = {name for name, value in row.items() if word in str(value)}
                if columns:
                    found.setdefault(table.name, set()).update(columns)
        return found

    def rows(self, name: str) -> list[Any]:
        with self.database.reading(None) as session:
            table = self.base.metadata.tables[name]
            return list(session.connection().execute(select(table)).mappings())


def something(column: Any, word: str) -> Any:
    """A value of the column's kind, with the word where it can hold a text."""
    kinds: tuple[tuple[Any, Any], ...] = (
        (Boolean, False), (Integer, next(_NUMBERS)), (DateTime, NOW), (Date, NOW.date()), (Time, NOW.time()),
        (LargeBinary, b"x"),
    )  # fmt: skip
    for kind, value in kinds:
        if isinstance(column.type, kind) or isinstance(getattr(column.type, "impl", None), kind):
            return value
    if column.type is JsonValue:
        return [word]
    if column.name == "id" or column.name.endswith("_id"):
        return f"{next(_NUMBERS):032x}"
    assert isinstance(column.type, String)
    return f"{word}{next(_NUMBERS)}"[: column.type.length]


@pytest.fixture(
    params=[(service, kind) for service in SERVICES for kind in ("sqlite", "postgresql")], ids="-".join
)
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Filled]:
    service, kind = request.param
    is_sqlite = kind == "sqlite"
    url = f"sqlite:///{tmp_path}/x.db" if is_sqlite else request.getfixturevalue("new_postgres_url")
    made = Filled(service, url)
    yield made
    made.database.close()


def test_only_codes_of_rows_that_must_stay_are_left(filled: Filled, request: pytest.FixtureRequest) -> None:
    service = request.node.callspec.params["filled"][0]
    strangers = filled.places_of(STRANGER)
    assert {len(filled.rows(table)) for table in filled.tables} == {2}
    erased = filled.erase()
    left = filled.places_of(CANARY)
    assert left == {table: set(columns) for table, columns in STAYS[service].items() if columns}
    assert filled.places_of(STRANGER) == strangers
    stay = sum(erased.kept.values())
    assert stay == len(STAYS[service])
    assert erased.rows == len(filled.tables) - stay
    assert not filled.erase().rows  # again: nothing is left to delete


def test_rows_of_another_organisation_stay(filled: Filled) -> None:
    before = filled.places_of(CANARY)
    assert filled.erase(Person(BAYSIDE[0], (ME,), (MINE,))) == Erased(kept=Counter(others_records=0))
    assert filled.places_of(CANARY) == before
