"""Create outside providers of realms, links with their accounts, and sign-ins on their way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
KEY = sa.String(length=32)
HASH = sa.String(length=64)


def upgrade() -> None:
    _create(
        "identity_providers",
        sa.Column("id", KEY, nullable=False),
        sa.Column("realm", sa.String(length=20), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=True),
        sa.Column("scopes", JSON_VALUE, nullable=False),
        sa.Column("linking", sa.String(length=20), nullable=False),
        sa.Column("allows_passwords", sa.Boolean(), nullable=False),
        sa.Column("trusts_second_factor", sa.Boolean(), nullable=False),
        sa.Column("second_factor_acr", sa.String(length=200), nullable=True),
        sa.Column("button_name", sa.String(length=100), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        unique=(("organisation_id", "realm"),),
    )
    _create(
        "outside_identities",
        sa.Column("id", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("realm", sa.String(length=20), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("linked_by", sa.String(length=20), nullable=False),
        sa.Column("linked_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        refers={"account_id": "accounts"},
        unique=(("organisation_id", "realm", "issuer", "subject"), ("account_id", "issuer")),
    )
    _create(
        "outside_sign_ins",
        sa.Column("id", KEY, nullable=False),
        sa.Column("provider_id", KEY, nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("state_hash", HASH, nullable=False),
        sa.Column("browser_hash", HASH, nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("return_path", sa.String(length=500), nullable=False),
        sa.Column("account_id", KEY, nullable=True),
        sa.Column("session_id", KEY, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        refers={"account_id": "accounts", "provider_id": "identity_providers"},
        unique=(("state_hash",),),
        indexes=("account_id", "expires_at", "provider_id"),
    )


def _create(
    table: str,
    *columns: sa.Column,
    unique: tuple[tuple[str, ...], ...],
    refers: dict[str, str] | None = None,
    indexes: tuple[str, ...] = (),
) -> None:
    """A table of one organisation's rows, with constraints named as everywhere."""
    constraints: list[sa.Constraint] = [sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))]
    for column, target in (refers or {}).items():
        constraints.append(
            sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"))
        )
    for names in unique:
        constraints.append(sa.UniqueConstraint(*names, name=op.f(f"uq_{table}_{'_'.join(names)}")))
    op.create_table(table, *columns, sa.Column("organisation_id", KEY, nullable=False), *constraints)
    for column in ("organisation_id", *indexes):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    for table in ("outside_sign_ins", "outside_identities", "identity_providers"):
        op.drop_table(table)
