"""Find what is due of one channel, and the deliveries whose report is due."""

from __future__ import annotations

from alembic import op

from services.chassis.migrate import replace_index

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        replace_index(op.f("ix_deliveries_channel_next_try_at"), "deliveries", ["channel", "next_try_at"])
        replace_index(op.f("ix_deliveries_report_due_at"), "deliveries", ["report_due_at"])
        replace_index(op.f("ix_deliveries_next_try_at"), "deliveries", None)


def downgrade() -> None:
    op.create_index(op.f("ix_deliveries_next_try_at"), "deliveries", ["next_try_at"])
    op.drop_index(op.f("ix_deliveries_report_due_at"), "deliveries")
    op.drop_index(op.f("ix_deliveries_channel_next_try_at"), "deliveries")
