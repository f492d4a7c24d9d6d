"""Send files in conversations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.migrate import replace_index

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_COLUMNS = {"file_sha256": sa.String(length=64), "file_type": sa.String(length=40), "file_size": sa.Integer()}


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.add_column("messages", sa.Column(name, kind, nullable=True))
    with op.get_context().autocommit_block():
        replace_index(op.f("ix_messages_file_sha256"), "messages", ["file_sha256"])


def downgrade() -> None:
    op.drop_index(op.f("ix_messages_file_sha256"), "messages")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        for name in _COLUMNS:
            batch_op.drop_column(name)
