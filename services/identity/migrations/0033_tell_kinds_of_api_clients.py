"""Tell kinds of API clients: whom the messages reach that they cause."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "api_clients", sa.Column("kind", sa.String(length=20), server_default="normal", nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("api_clients") as table:
        table.drop_column("kind")
