"""Look-ups use an index, on a database with many people. `make bench` measures how long they take."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.names import name_rows
from services.chassis.unit_of_work import utc_now
from services.contracts.identity import accounts as contract
from services.contracts.identity import people
from services.identity.housekeeping.retention import keep_statistics
from services.identity.models import Account, AccountName, Person, PersonKind, PersonName, keys_of
from tests.integration.identity.conftest import Identity

MANY = 3000


def _names_of(row: dict[str, Any]) -> list[dict[str, str]]:
    return name_rows(row["id"], row["organisation_id"], row["first_name"], row["last_name"])


@pytest.fixture
def town(identity: Identity) -> Identity:
    """Identity with many people, each with an account of the staff."""
    own = {"organisation_id": identity.harbor.organisation_id, "version": 1, "created_at": utc_now()}
    rows = [
        {
            **own,
            "id": wire.new_id(),
            "number": f"P-{n}",
            "first_name": f"Pat{n % 50}",
            "last_name": f"Quim{n % 60}",
        }
        | keys_of(f"Pat{n % 50}", f"Quim{n % 60}", None)
        for n in range(MANY)
    ]
    accounts = [
        {
            **own,
            "id": wire.new_id(),
            "realm": "staff",
            "login_space": "workforce",
            "login": f"p{n}@example.org",
        }
        | {"first_name": row["first_name"], "last_name": row["last_name"]}
        | keys_of(row["first_name"], row["last_name"], None)
        for n, row in enumerate(rows)
    ]

    def fill(session: Session) -> None:
        session.execute(insert(Person), rows)
        session.execute(insert(PersonName), [name for row in rows for name in _names_of(row)])
        kinds = [
            {
                "id": wire.new_id(),
                "organisation_id": own["organisation_id"],
                "person_id": row["id"],
                "kind": "client",
            }
            | {"starts_at": utc_now()}
            for row in rows
        ]
        session.execute(insert(PersonKind), kinds)
        session.execute(insert(Account), accounts)
        session.execute(insert(AccountName), [name for row in accounts for name in _names_of(row)])

    identity.database.write(identity.harbor.organisation_id, fill)
    keep_statistics(identity.database)
    return identity


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        (people.search_people, {"last_name": "quim7"}),
        (people.search_people, {"first_name": "pat7"}),
        (people.search_people, {"first_name": "pat7", "last_name": "quim7", "kind": "client"}),
        (people.search_people, {"first_name": "pat7", "date_of_birth": "1980-02-29"}),
        (people.search_people, {"date_of_birth": "1980-02-29"}),
        (people.search_people, {"phone": "202 555 0100"}),
        (people.search_people, {"postal_code": "94110"}),
        (people.list_people, {}),
        (people.list_people, {"number": "P-77"}),
        (contract.list_accounts, {}),
        (contract.search_accounts, {"text": "pat7 quim7"}),
    ],
)
def test_nothing_looks_at_everybody(town: Identity, operation: Any, request_: dict[str, Any]) -> None:
    admin = town.admin()
    seen: list[tuple[str, Any]] = []
    listener = lambda _c, _cur, statement, values, *_: seen.append((statement, values))  # noqa: E731
    event.listen(town.database.engine, "before_cursor_execute", listener)
    town.call(operation, admin, **request_)
    event.remove(town.database.engine, "before_cursor_execute", listener)
    selects = [
        each
        for each in seen
        if each[0].startswith("SELECT") and ("people" in each[0] or "accounts" in each[0])
    ]
    assert selects
    for statement, values in selects:
        with town.database.engine.connect() as connection:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
        tables = ("people", "accounts", "person_kinds", "person_names", "account_names")
        assert not [step for step in plan if step.startswith(tuple(f"SCAN {each}" for each in tables))], plan
        # The other words of a name are looked up among those of one person.
        look_ups = [step for step in plan if " person_names_1 " in step or " account_names_1 " in step]
        assert all("(owner_id=?" in step for step in look_ups), plan
        by_tenant_only = [step for step in plan if step.endswith("_organisation_id (organisation_id=?)")]
        assert not by_tenant_only, plan


def test_statistics_are_kept_on_sqlite_and_left_to_postgresql(either: Identity) -> None:
    assert keep_statistics(either.database)
    if either.database.is_sqlite:
        with either.database.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM sqlite_stat1")).scalar_one() > 0
