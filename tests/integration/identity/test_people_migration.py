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


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_accounts_stay_and_the_organisation_gets_roles_of_the_portals(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = (
        f"sqlite:///{tmp_path}/identity.db"
        if database == "sqlite"
        else request.getfixturevalue("postgres_database")
    )
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
