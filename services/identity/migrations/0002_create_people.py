"""Create people, relationships, grants and realms' settings; accounts of realms, roles of portals, temporary passwords."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
KEY = sa.String(length=32)

# What organisations that are there already get, as new ones are created with it. A copy: a revision does not change.
_OWN = (
    "profile.view_demographics profile.view_contact_details profile.view_contacts profile.view_schedule "
    "profile.view_medications profile.view_vitals profile.view_invoices profile.view_forms profile.view_documents "
    "profile.view_staff_names profile.send_messages"
)
PORTAL_ROLES = {
    ("family", "patient"): ("Patient", _OWN),
    ("family", "family"): (
        "Family",
        "profile.view_demographics profile.view_contacts profile.view_schedule profile.view_staff_names "
        "profile.send_messages",
    ),
    ("family", "physician"): (
        "Physician",
        "profile.view_demographics profile.view_medications profile.view_vitals profile.view_forms "
        "profile.view_documents",
    ),
    ("patient", "patient"): ("Patient", _OWN),
    ("patient", "proxy"): ("Proxy", _OWN),
    ("employee", "employee"): ("Employee", _OWN),
    ("employee", "supervisor"): ("Supervisor", "profile.view_demographics profile.view_schedule"),
    ("applicant", "applicant"): ("Applicant", _OWN),
}
ADDED_PERMISSIONS = {
    "admin": (
        "workflow.manage_family_portal_access person.read person.manage chart.merge portal.manage_chart_tabs "
        "portal.view_preliminary_documents access.explain access.break_glass"
    ),
    "supervisor": "person.read",
}

organisations = sa.table("organisations", sa.column("id"))
accounts = sa.table("accounts", sa.column("role_id"), sa.column("realm"), sa.column("login_space"))
roles = sa.table(
    "roles",
    sa.column("id"),
    sa.column("organisation_id"),
    sa.column("realm"),
    sa.column("code"),
    sa.column("name"),
    sa.column("version"),
)
role_permissions = sa.table(
    "role_permissions", sa.column("organisation_id"), sa.column("role_id"), sa.column("permission")
)


def upgrade() -> None:
    _create_people()
    _change_roles()
    _change_accounts()
    _create_reach()
    with op.batch_alter_table("credential_links") as table:
        table.add_column(sa.Column("kind", sa.String(length=20), nullable=False, server_default="link"))
    with op.batch_alter_table("credential_links") as table:
        table.alter_column("kind", server_default=None, existing_type=sa.String(length=20))
    _add_roles()


def _create_people() -> None:
    op.create_table(
        "realm_settings",
        sa.Column("organisation_id", KEY, nullable=False),
        sa.Column("realm", sa.String(length=20), nullable=False),
        sa.Column("login_id", sa.String(length=20), nullable=False),
        sa.Column("link_minutes", sa.Integer(), nullable=True),
        sa.Column("temporary_password_days", sa.Integer(), nullable=False),
        sa.Column("pickup_code_days", sa.Integer(), nullable=False),
        sa.Column("session_idle_minutes", sa.Integer(), nullable=True),
        sa.Column("session_absolute_hours", sa.Integer(), nullable=True),
        sa.Column("invitation_style", sa.String(length=20), nullable=False),
        sa.Column("second_factor_required", sa.Boolean(), nullable=False),
        sa.Column("allowed_networks", JSON_VALUE, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "realm", name=op.f("pk_realm_settings")),
    )
    op.create_table(
        "people",
        sa.Column("id", KEY, nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("first_name", sa.String(length=100), nullable=True),
        sa.Column("last_name", sa.String(length=100), nullable=False),
        sa.Column("date_of_birth", sa.Date(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("street", sa.String(length=255), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("postal_code", sa.String(length=20), nullable=True),
        sa.Column("home_phone", sa.String(length=40), nullable=True),
        sa.Column("mobile_phone", sa.String(length=40), nullable=True),
        sa.Column("work_phone", sa.String(length=40), nullable=True),
        sa.Column("field_sources", JSON_VALUE, nullable=False),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("organisation_id", "number", name=op.f("uq_people_organisation_id_number")),
    )
    op.create_index(op.f("ix_people_organisation_id"), "people", ["organisation_id"])
    op.create_table(
        "person_kinds",
        sa.Column("id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_person_kinds_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_kinds")),
    )
    op.create_index(op.f("ix_person_kinds_organisation_id"), "person_kinds", ["organisation_id"])
    op.create_index(op.f("ix_person_kinds_person_id_kind"), "person_kinds", ["person_id", "kind"])
    op.create_table(
        "client_contacts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("client_id", KEY, nullable=False),
        sa.Column("contact_id", KEY, nullable=False),
        sa.Column("relation", sa.String(length=60), nullable=False),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("fk_client_contacts_client_id_people")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["people.id"], name=op.f("fk_client_contacts_contact_id_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_contacts")),
        sa.UniqueConstraint("client_id", "contact_id", name=op.f("uq_client_contacts_client_id_contact_id")),
    )
    op.create_index(op.f("ix_client_contacts_contact_id"), "client_contacts", ["contact_id"])
    op.create_index(op.f("ix_client_contacts_organisation_id"), "client_contacts", ["organisation_id"])


def _change_roles() -> None:
    with op.batch_alter_table("roles") as table:
        table.add_column(sa.Column("name", sa.String(length=100), nullable=True))
        table.add_column(sa.Column("disabled_at", MOMENT, nullable=True))
        table.add_column(sa.Column("version", sa.Integer(), nullable=True))
        table.drop_constraint("uq_roles_organisation_id_code", type_="unique")
        table.create_unique_constraint(
            op.f("uq_roles_organisation_id_realm_code"), ["organisation_id", "realm", "code"]
        )
    op.execute(roles.update().values(version=1))
    with op.batch_alter_table("roles") as table:
        table.alter_column("version", nullable=False, existing_type=sa.Integer())


def _change_accounts() -> None:
    with op.batch_alter_table("accounts") as table:
        table.add_column(sa.Column("realm", sa.String(length=20), nullable=True))
        table.add_column(sa.Column("login_space", sa.String(length=20), nullable=True))
        table.add_column(sa.Column("person_id", KEY, nullable=True))
        table.add_column(
            sa.Column("must_change_password", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.execute(
        accounts.update().values(
            login_space="workforce",
            realm=sa.select(roles.c.realm).where(roles.c.id == accounts.c.role_id).scalar_subquery(),
        )
    )
    with op.batch_alter_table("accounts") as table:
        table.alter_column("realm", nullable=False, existing_type=sa.String(length=20))
        table.alter_column("login_space", nullable=False, existing_type=sa.String(length=20))
        table.alter_column("must_change_password", server_default=None, existing_type=sa.Boolean())
        table.alter_column("role_id", nullable=True, existing_type=KEY)
        table.alter_column("email", nullable=True, existing_type=sa.String(length=254))
        table.drop_constraint("uq_accounts_organisation_id_login", type_="unique")
        table.create_unique_constraint(
            op.f("uq_accounts_organisation_id_login_space_login"), ["organisation_id", "login_space", "login"]
        )
        table.create_unique_constraint(
            op.f("uq_accounts_organisation_id_realm_person_id"), ["organisation_id", "realm", "person_id"]
        )
        table.create_foreign_key(op.f("fk_accounts_person_id_people"), "people", ["person_id"], ["id"])
    op.create_index(op.f("ix_accounts_person_id"), "accounts", ["person_id"])


def _create_reach() -> None:
    op.create_table(
        "relationships",
        sa.Column("id", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_relationships_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_relationships_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relationships")),
    )
    op.create_index(op.f("ix_relationships_account_id_kind"), "relationships", ["account_id", "kind"])
    op.create_index(op.f("ix_relationships_organisation_id"), "relationships", ["organisation_id"])
    op.create_index(op.f("ix_relationships_person_id"), "relationships", ["person_id"])
    op.create_table(
        "grants",
        sa.Column("id", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("role_id", KEY, nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("granted_by", sa.String(length=64), nullable=False),
        sa.Column("attested_by", sa.String(length=64), nullable=True),
        sa.Column("attested_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("revoke_reason", sa.String(length=20), nullable=True),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("notice_sent_at", MOMENT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_grants_account_id_accounts")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_grants_person_id_people")),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_grants_role_id_roles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    is_open = sa.text("revoked_at IS NULL")
    op.create_index(
        "uq_grants_account_id_person_id_open",
        "grants",
        ["account_id", "person_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    for column in ("ends_at", "organisation_id", "person_id", "role_id"):
        op.create_index(op.f(f"ix_grants_{column}"), "grants", [column])
    op.create_table(
        "login_changes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("email_before", sa.String(length=254), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_login_changes_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_changes")),
    )
    op.create_index(op.f("ix_login_changes_account_id"), "login_changes", ["account_id"])
    op.create_index(op.f("ix_login_changes_organisation_id"), "login_changes", ["organisation_id"])


def _add_roles() -> None:
    connection = op.get_bind()
    for organisation_id in connection.scalars(sa.select(organisations.c.id)).all():
        for (realm, code), (name, permissions) in PORTAL_ROLES.items():
            role_id = uuid.uuid4().hex
            row = {"id": role_id, "organisation_id": organisation_id, "realm": realm, "code": code}
            op.execute(roles.insert().values(**row, name=name, version=1))
            _hold(organisation_id, role_id, permissions)
    for code, permissions in ADDED_PERMISSIONS.items():
        held = sa.select(roles.c.id, roles.c.organisation_id).where(
            roles.c.realm == "staff", roles.c.code == code
        )
        for role_id, organisation_id in connection.execute(held).all():
            _hold(organisation_id, role_id, permissions)


def _hold(organisation_id: str, role_id: str, permissions: str) -> None:
    for permission in permissions.split():
        op.execute(
            role_permissions.insert().values(
                organisation_id=organisation_id, role_id=role_id, permission=permission
            )
        )


def downgrade() -> None:
    """Without portals: their accounts, roles and all that hangs on them are deleted."""
    for table in ("login_changes", "grants", "relationships"):
        op.drop_table(table)
    for table in ("sessions", "credential_links", "invitations"):
        op.execute(
            f"DELETE FROM {table} WHERE account_id IN (SELECT id FROM accounts WHERE role_id IS NULL)"  # noqa: S608
        )
    op.execute("DELETE FROM credential_links WHERE kind <> 'link'")
    op.execute("DELETE FROM accounts WHERE role_id IS NULL")
    portal_roles = sa.select(roles.c.id).where(roles.c.realm.not_in(("staff", "provider")))
    op.execute(role_permissions.delete().where(role_permissions.c.role_id.in_(portal_roles)))
    added = " ".join(ADDED_PERMISSIONS.values()).split()
    op.execute(role_permissions.delete().where(role_permissions.c.permission.in_(added)))
    op.execute(roles.delete().where(roles.c.realm.not_in(("staff", "provider"))))
    op.drop_index(op.f("ix_accounts_person_id"), "accounts")
    with op.batch_alter_table("accounts") as table:
        table.drop_constraint(op.f("fk_accounts_person_id_people"), type_="foreignkey")
        table.drop_constraint(op.f("uq_accounts_organisation_id_realm_person_id"), type_="unique")
        table.drop_constraint(op.f("uq_accounts_organisation_id_login_space_login"), type_="unique")
        table.create_unique_constraint(
            op.f("uq_accounts_organisation_id_login"), ["organisation_id", "login"]
        )
        for column in ("realm", "login_space", "person_id", "must_change_password"):
            table.drop_column(column)
        table.alter_column("role_id", nullable=False, existing_type=KEY)
        table.alter_column("email", nullable=False, existing_type=sa.String(length=254))
    with op.batch_alter_table("roles") as table:
        table.drop_constraint(op.f("uq_roles_organisation_id_realm_code"), type_="unique")
        table.create_unique_constraint(op.f("uq_roles_organisation_id_code"), ["organisation_id", "code"])
        for column in ("name", "disabled_at", "version"):
            table.drop_column(column)
    with op.batch_alter_table("credential_links") as table:
        table.drop_column("kind")
    for table_name in ("client_contacts", "person_kinds", "people", "realm_settings"):
        op.drop_table(table_name)
