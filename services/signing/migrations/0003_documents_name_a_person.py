"""Documents say which person they concern."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("person_id", sa.String(32), nullable=True))


def downgrade() -> None:
    op.drop_column("documents", "person_id")
