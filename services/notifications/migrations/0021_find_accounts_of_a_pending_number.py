"""Find the accounts that have entered a number for text messages."""

from __future__ import annotations

from alembic import op

from services.chassis.migrate import replace_index

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_INDEX = "ix_text_numbers_pending_number"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        replace_index(op.f(_INDEX), "text_numbers", ["pending_number"])


def downgrade() -> None:
    op.drop_index(op.f(_INDEX), "text_numbers")
