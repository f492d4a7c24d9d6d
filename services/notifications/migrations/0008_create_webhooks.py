"""Create webhooks; deliveries know when a provider's report is due and came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("events", JSON_VALUE, nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("secret_number", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_state", sa.String(length=20), nullable=True),
        sa.Column("last_reason", sa.String(length=64), nullable=True),
        sa.Column("last_tried_at", MOMENT, nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.UniqueConstraint("organisation_id", "place", name="uq_webhooks_organisation_id_place"),
    )
    op.create_index("ix_webhooks_organisation_id", "webhooks", ["organisation_id"])
    op.add_column("deliveries", sa.Column("settled_at", MOMENT, nullable=True))
    op.add_column("deliveries", sa.Column("report_due_at", MOMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("deliveries", "report_due_at")
    op.drop_column("deliveries", "settled_at")
    op.drop_table("webhooks")
