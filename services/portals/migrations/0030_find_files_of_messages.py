"""Find the messages that have a file."""

from __future__ import annotations

from alembic import op

from services.chassis.migrate import replace_index

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        replace_index(op.f("ix_messages_file_sha256"), "messages", ["file_sha256"])


def downgrade() -> None:
    op.drop_index(op.f("ix_messages_file_sha256"), "messages")
