"""How many events of each subject there have been, and when the last was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_subjects",
        sa.Column("aggregate", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("aggregate", name="pk_event_subjects"),
    )


def downgrade() -> None:
    op.drop_table("event_subjects")
