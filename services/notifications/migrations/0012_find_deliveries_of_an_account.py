"""Find the deliveries of an account, by when they were made."""

from __future__ import annotations

from alembic import op

from services.chassis.migrate import replace_index

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_INDEX = "ix_deliveries_organisation_id_account_id_created_at"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        replace_index(op.f(_INDEX), "deliveries", ["organisation_id", "account_id", "created_at"])


def downgrade() -> None:
    op.drop_index(op.f(_INDEX), "deliveries")
