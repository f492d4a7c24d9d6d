"""The login of a disabled account of staff or of a provider is free again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UNIQUE, LOGIN = "uq_accounts_organisation_id_login_space_login", ["organisation_id", "login_space", "login"]
KEEPS_ITS_LOGIN = sa.text("state <> 'disabled' OR login_space <> 'workforce'")
# SQLite copies the table to change it, and loses indexes on expressions.
OF_EXPRESSIONS = {
    "name": "coalesce(lower(last_name), ''), coalesce(lower(first_name), ''), id",
    "email": "lower(email)",
}


def upgrade() -> None:
    with op.batch_alter_table("accounts") as table:
        table.drop_constraint(UNIQUE, type_="unique")
    _keep_indexes()
    op.create_index(op.f("ix_accounts_organisation_id_login_space_login"), "accounts", LOGIN)
    op.create_index(
        "uq_accounts_login",
        "accounts",
        LOGIN,
        unique=True,
        sqlite_where=KEEPS_ITS_LOGIN,
        postgresql_where=KEEPS_ITS_LOGIN,
    )


def downgrade() -> None:
    op.drop_index("uq_accounts_login", "accounts")
    op.drop_index(op.f("ix_accounts_organisation_id_login_space_login"), "accounts")
    with op.batch_alter_table("accounts") as table:
        table.create_unique_constraint(UNIQUE, LOGIN)
    _keep_indexes()


def _keep_indexes() -> None:
    for name, columns in OF_EXPRESSIONS.items():
        op.execute(
            f"CREATE INDEX IF NOT EXISTS ix_accounts_organisation_id_{name} ON accounts (organisation_id, {columns})"
        )
