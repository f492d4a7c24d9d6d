"""Limit on which days a type of appointments can be booked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("appointment_types", sa.Column("lead_days", sa.Integer(), server_default="0", nullable=False))
    op.add_column("appointment_types", sa.Column("days_ahead", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("appointment_types", schema=None) as batch_op:
        batch_op.drop_column("days_ahead")
        batch_op.drop_column("lead_days")
