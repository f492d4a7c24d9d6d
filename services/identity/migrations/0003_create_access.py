"""Create second factors, recovery codes, log-in challenges, API clients; when a session was proven, who needs a factor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
KEY = sa.String(length=32)
HASH = sa.String(length=64)


def upgrade() -> None:
    op.add_column("sessions", sa.Column("proven_at", MOMENT, nullable=True))
    op.add_column(
        "roles",
        sa.Column("second_factor_required", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "accounts",
        sa.Column("password_needs_second_factor", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    _create(
        "second_factors",
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=True),
        key="account_id",
        refers={"account_id": "accounts"},
        indexes=(),
    )
    _create(
        "recovery_codes",
        sa.Column("code_hash", HASH, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        key="code_hash",
        refers={"account_id": "accounts"},
        indexes=("account_id",),
    )
    _create(
        "login_challenges",
        sa.Column("id", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("token_hash", HASH, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        refers={"account_id": "accounts"},
        unique="token_hash",
        indexes=("account_id", "expires_at"),
    )
    _create(
        "api_clients",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("scopes", JSON_VALUE, nullable=False),
        sa.Column("allowed_networks", JSON_VALUE, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", KEY, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("last_used_at", MOMENT, nullable=True),
        indexes=(),
    )
    _create(
        "api_secrets",
        sa.Column("id", KEY, nullable=False),
        sa.Column("client_id", KEY, nullable=False),
        sa.Column("secret_hash", HASH, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        refers={"client_id": "api_clients"},
        unique="secret_hash",
        indexes=("client_id",),
    )
    _create(
        "api_sessions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("client_id", KEY, nullable=False),
        sa.Column("secret_id", KEY, nullable=False),
        sa.Column("token_hash", HASH, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        refers={"client_id": "api_clients", "secret_id": "api_secrets"},
        unique="token_hash",
        indexes=("client_id", "secret_id", "expires_at"),
    )


def _create(
    table: str,
    *columns: sa.Column,
    indexes: tuple[str, ...],
    key: str = "id",
    refers: dict[str, str] | None = None,
    unique: str | None = None,
) -> None:
    """A table of one organisation's rows, with constraints named as everywhere."""
    constraints: list[sa.Constraint] = [sa.PrimaryKeyConstraint(key, name=op.f(f"pk_{table}"))]
    for column, target in (refers or {}).items():
        constraints.append(
            sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"))
        )
    if unique:
        constraints.append(sa.UniqueConstraint(unique, name=op.f(f"uq_{table}_{unique}")))
    op.create_table(table, *columns, sa.Column("organisation_id", KEY, nullable=False), *constraints)
    for column in ("organisation_id", *indexes):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    for table in (
        "api_sessions",
        "api_secrets",
        "api_clients",
        "login_challenges",
        "recovery_codes",
        "second_factors",
    ):
        op.drop_table(table)
    for table, column in (
        ("accounts", "password_needs_second_factor"),
        ("roles", "second_factor_required"),
        ("sessions", "proven_at"),
    ):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
