"""Send files in conversations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_COLUMNS = {"file_sha256": sa.String(length=64), "file_type": sa.String(length=40), "file_size": sa.Integer()}


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.add_column("messages", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("messages", schema=None) as batch_op:
        for name in _COLUMNS:
            batch_op.drop_column(name)
