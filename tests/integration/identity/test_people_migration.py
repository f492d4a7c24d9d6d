"""The migration that adds people keeps the data of organisations and gives them the defaults of new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from services.chassis import migrate
from services.identity.realms import rules
from services.identity.realms.rules import DEFAULT_PORTAL_ROLES

ORGANISATION, ADMIN_ROLE, PROVIDER_ROLE, ADA, PAT = ("a" * 32, "b" * 32, "c" * 32, "d" * 32, "e" * 32)
BEFORE = (
    f"INSERT INTO organisations VALUES ('{ORGANISATION}', 'harbor', 'Harbor', '[]', 1, '2026-01-01 00:00:00')",
    *(
        f"INSERT INTO roles (id, code, realm, organisation_id) VALUES ('{role}', '{code}', '{realm}', '{ORGANISATION}')"
        for role, code, realm in (
            (ADMIN_ROLE, "admin", "staff"),
            (PROVIDER_ROLE, "provider_portal_user", "provider"),
        )
    ),
    *(
        "INSERT INTO accounts (id, role_id, login, email, state, can_edit_capacity, can_change_status, "
        "can_access_details, wants_resource_assigned_emails, version, created_at, organisation_id) VALUES "
        f"('{account}', '{role}', '{login}', '{login}', 'active', false, false, false, true, 1, "
        f"'2026-01-01 00:00:00', '{ORGANISATION}')"
        for account, role, login in (
            (ADA, ADMIN_ROLE, "ada@example.org"),
            (PAT, PROVIDER_ROLE, "pat@example.org"),
        )
    ),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/identity.db"
    address: str = request.getfixturevalue("postgres_database")
    return address


def test_accounts_stay_and_the_organisation_gets_roles_of_the_portals(url: str) -> None:
    migrate.upgrade("identity", url, "0001")
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in BEFORE:
            connection.execute(text(statement))
    migrate.upgrade("identity", url)
    assert migrate.differences("identity", url) == []

    def rows(statement: str) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    assert rows("SELECT login, realm, login_space FROM accounts ORDER BY login") == [
        ("ada@example.org", "staff", "workforce"),
        ("pat@example.org", "provider", "workforce"),
    ]
    held: dict[tuple[str, str], set[str]] = {}
    for realm, code, permission in rows(
        "SELECT realm, code, permission FROM roles JOIN role_permissions ON role_id = roles.id"
    ):
        held.setdefault((realm, code), set()).add(permission)
    assert held.pop(("provider", "provider_portal_user")) == {
        "queue.read",
        "referral.note",
    }  # it held nothing else here
    added = held.pop(("staff", "admin"))
    assert (
        {"workflow.manage_family_portal_access", "person.read", "person.manage"} <= added <= rules.PERMISSIONS
    )
    portals = {key: permissions for key, permissions in held.items() if key[0] not in ("staff", "provider")}
    assert portals == {key: set(permissions) for key, (_, permissions) in DEFAULT_PORTAL_ROLES.items()}
    migrate.downgrade("identity", url, "0001")
    assert rows("SELECT login FROM accounts ORDER BY login") == [("ada@example.org",), ("pat@example.org",)]
    assert rows("SELECT code FROM roles ORDER BY code") == [("admin",), ("provider_portal_user",)]
    engine.dispose()


def _person(number: int, first_name: str, last_name: str, email: str | None = None) -> dict[str, Any]:
    name = {"first_name": first_name, "last_name": last_name}
    return {"id": f"{number:032x}", **name, "email": email, "phone": f"(202) 555-{number:04}"}


def test_names_and_addresses_that_there_are_get_their_keys_a_few_rows_at_a_time(url: str) -> None:
    migrate.upgrade("identity", url, "0012")
    engine = create_engine(url)
    people = [
        _person(1, "Åse", "Østby", "Ase@Bücher.example"),
        _person(2, "", "Петров"),
        *(_person(number, "Sam", f"Name {number}") for number in range(3, 2 * migrate.ROWS_AT_ONCE)),
    ]
    accounts = {
        "ss@strasse.example": "ss@Straße.example",
        "free@bücher.example": "free@bücher.example",
        "sam": "sam@example.org",
    }
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO people (id, organisation_id, number, first_name, last_name, email, work_phone, field_sources,"
                f" version, created_at) VALUES (:id, '{ORGANISATION}', :id, :first_name, :last_name, :email, :phone, '{{}}', 1,"
                " '2026-01-01 00:00:00')"
            ),
            people,
        )
        connection.execute(
            text(
                "INSERT INTO accounts (id, organisation_id, realm, login_space, login, email, state,"
                " must_change_password, can_edit_capacity, can_change_status, can_access_details,"
                " wants_resource_assigned_emails, version, created_at) VALUES (:id, :organisation, 'patient',"
                " 'patient', :login, :email, 'active', false, false, false, false, true, 1, '2026-01-01 00:00:00')"
            ),
            [
                {"id": f"{at:032x}", "organisation": ORGANISATION, "login": login, "email": email}
                for at, (login, email) in enumerate(accounts.items())
            ],
        )
    migrate.upgrade("identity", url)

    with engine.connect() as connection:
        keys = connection.execute(
            text("SELECT first_name_key, last_name_key, email_key, work_phone_key FROM people ORDER BY id")
        ).all()
        logins = connection.execute(text("SELECT login, email_key FROM accounts ORDER BY id")).all()
    assert keys[:2] == [
        ("ase", "ostby", "ase@xn--bcher-kva.example", "2025550001"),
        ("", "петров", None, "2025550002"),
    ]
    assert len({key.last_name_key for key in keys}) == len(people)
    # The first was the login of another mailbox than its own.
    assert logins == [
        ("ss@xn--strae-oqa.example", "ss@xn--strae-oqa.example"),
        ("free@xn--bcher-kva.example", "free@xn--bcher-kva.example"),
        ("sam", "sam@example.org"),
    ]


def test_rows_that_are_filled_are_visible_to_others_while_the_next_ones_are_filled(url: str) -> None:
    migrate.upgrade("identity", url)
    engine = create_engine(url)
    many = [{"id": f"{number:032x}"} for number in range(2 * migrate.ROWS_AT_ONCE)]
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO organisations (id, key, name, features, version, created_at) "
                "VALUES (:id, :id, 'Old name', '[]', 1, '2026-01-01 00:00:00')"
            ),
            many,
        )
    seen: list[int] = []

    def fresh(_row: Any) -> dict[str, str]:
        if len(seen) == migrate.ROWS_AT_ONCE:
            with engine.connect() as other:
                seen[-1] = int(
                    other.execute(text("SELECT COUNT(*) FROM organisations WHERE name = 'New'")).scalar_one()
                )
        seen.append(0)
        return {"name": "New"}

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        migrate.fill(connection, "organisations", ("name",), fresh)
    assert len(seen) == len(many)
    assert max(seen) == migrate.ROWS_AT_ONCE


def test_whom_the_clock_has_discharged_is_left_to_the_service_where_the_profile_is_still_granted(
    url: str,
) -> None:
    migrate.upgrade("identity", url, "0013")
    engine = create_engine(url)
    past, future = "2026-01-01 00:00:00", "2126-01-01 00:00:00"
    # The kind, its end, and when the grant of the profile was revoked ("": there is no grant).
    kinds = [
        ("client", past, None),
        ("patient", past, None),
        ("client", past, past),
        ("client", past, ""),
        ("employee", past, None),
        ("client", future, None),
        ("client", None, None),
    ]
    ids = [f"{at:032x}" for at in range(len(kinds))]
    with engine.begin() as connection:
        account = {"id": ADA, "role": ADMIN_ROLE, "past": past}
        connection.execute(
            text(
                "INSERT INTO roles (id, organisation_id, code, realm, version)"
                f" VALUES (:role, '{ORGANISATION}', 'family', 'family', 1)"
            ),
            account,
        )
        connection.execute(
            text(
                "INSERT INTO accounts (id, organisation_id, realm, login_space, login, state, must_change_password,"
                " can_edit_capacity, can_change_status, can_access_details, wants_resource_assigned_emails, version,"
                f" created_at) VALUES (:id, '{ORGANISATION}', 'family', 'family', 'ada', 'active', false, false, false,"
                " false, true, 1, :past)"
            ),
            account,
        )
        for person_id, (kind, ends_at, revoked_at) in zip(ids, kinds, strict=True):
            values = {"id": person_id, "kind": kind, "ends_at": ends_at, "revoked_at": revoked_at}
            connection.execute(
                text(
                    "INSERT INTO people (id, organisation_id, number, last_name, field_sources, version, created_at)"
                    f" VALUES (:id, '{ORGANISATION}', :id, 'Quill', '{{}}', 1, '{past}')"
                ),
                values,
            )
            connection.execute(
                text(
                    "INSERT INTO person_kinds (id, organisation_id, person_id, kind, starts_at, ends_at)"
                    f" VALUES (:id, '{ORGANISATION}', :id, :kind, '2025-01-01 00:00:00', :ends_at)"
                ),
                values,
            )
            if revoked_at != "":
                connection.execute(
                    text(
                        "INSERT INTO grants (id, organisation_id, account_id, person_id, role_id, starts_at, granted_by,"
                        f" revoked_at, version, created_at) VALUES (:id, '{ORGANISATION}', '{ADA}', :id, '{ADMIN_ROLE}',"
                        f" '{past}', 'x', :revoked_at, 1, '{past}')"
                    ),
                    values,
                )
    migrate.upgrade("identity", url)
    with engine.connect() as connection:
        closed = connection.execute(text("SELECT closed_at FROM person_kinds ORDER BY id")).scalars()
        assert [closed_at is not None for closed_at in closed] == [
            False,
            False,
            True,
            True,
            True,
            False,
            False,
        ]
    engine.dispose()
