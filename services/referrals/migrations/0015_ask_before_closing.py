"""Imports that close programs with open referrals: which ones, and whether a person has confirmed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column(
        "directory_imports",
        sa.Column("is_confirmed", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("directory_imports", sa.Column("closing", JSON_VALUE, nullable=True))


def downgrade() -> None:
    op.drop_column("directory_imports", "closing")
    op.drop_column("directory_imports", "is_confirmed")
