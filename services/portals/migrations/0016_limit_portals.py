"""Limit portals to networks, and where they lead after signing out to the organisation's hosts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("portals") as table:
        table.add_column(sa.Column("networks", JSON_VALUE, nullable=False, server_default="[]"))
    with op.batch_alter_table("portals") as table:
        table.alter_column("networks", server_default=None)
    op.create_table(
        "portal_hosts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("hosts", JSON_VALUE, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_portal_hosts"),
        sa.UniqueConstraint("organisation_id", name="uq_portal_hosts_organisation_id"),
    )
    op.create_index("ix_portal_hosts_organisation_id", "portal_hosts", ["organisation_id"])


def downgrade() -> None:
    op.drop_table("portal_hosts")
    with op.batch_alter_table("portals") as table:
        table.drop_column("networks")
