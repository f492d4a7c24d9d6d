"""Let a realm turn changes of people's own settings into requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("changes_are_requests", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("portal_entries", column)


def downgrade() -> None:
    with op.batch_alter_table("portal_entries", schema=None) as batch_op:
        batch_op.drop_column("changes_are_requests")
