"""Portals of an organisation: several of a kind, each with the suffix of its address."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "portals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("portal", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("employer", sa.String(length=100), nullable=True),
        sa.Column("region", sa.String(length=100), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("security_roles", JSON_VALUE, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_portals"),
        sa.UniqueConstraint("organisation_id", "portal", name="uq_portals_organisation_id_portal"),
    )
    op.create_index("ix_portals_organisation_id", "portals", ["organisation_id"])
    _suffixes_of(40)
    empty = sa.Column("content", JSON_VALUE, nullable=False, server_default="{}")
    with op.batch_alter_table("portal_configurations") as table:
        table.add_column(empty)
    with op.batch_alter_table("portal_configurations") as table:
        table.alter_column("content", server_default=None)


def downgrade() -> None:
    op.drop_column("portal_configurations", "content")
    _suffixes_of(20)
    op.drop_table("portals")


def _suffixes_of(length: int) -> None:
    with op.batch_alter_table("portal_configurations") as table:
        table.alter_column("portal", type_=sa.String(length=length), existing_nullable=False)
