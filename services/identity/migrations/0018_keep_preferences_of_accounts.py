"""Keep the language and the appearance in which the owner of an account wants pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("language", sa.String(35)))
    op.add_column("accounts", sa.Column("appearance", sa.String(10)))


def downgrade() -> None:
    op.drop_column("accounts", "appearance")
    op.drop_column("accounts", "language")
