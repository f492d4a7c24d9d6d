"""Keep what people ask to change in their own record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "own_changes",
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("section", sa.String(length=20), nullable=False),
        sa.Column("values", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("replaces_id", sa.String(length=32), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["queue_items.id"], name=op.f("fk_own_changes_item_id_queue_items")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_own_changes")),
    )
    op.create_index(op.f("ix_own_changes_organisation_id"), "own_changes", ["organisation_id"])


def downgrade() -> None:
    op.drop_table("own_changes")
