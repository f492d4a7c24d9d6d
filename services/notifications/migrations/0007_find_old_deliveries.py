"""Find old deliveries, which are deleted, without reading all."""

from __future__ import annotations

from alembic import op

from services.chassis.migrate import replace_index

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        replace_index(op.f("ix_deliveries_created_at"), "deliveries", ["created_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_deliveries_created_at"), "deliveries")
