"""Find the accounts that have a number for text messages."""

from __future__ import annotations

from alembic import op

from services.chassis.migrate import replace_index

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_INDEX = "ix_text_numbers_number"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        replace_index(op.f(_INDEX), "text_numbers", ["number"])


def downgrade() -> None:
    op.drop_index(op.f(_INDEX), "text_numbers")
