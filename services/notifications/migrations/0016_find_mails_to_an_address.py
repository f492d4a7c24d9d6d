"""Find the mails to an address, by when they were made."""

from __future__ import annotations

from alembic import op

from services.chassis.migrate import replace_index

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_INDEX = "ix_deliveries_organisation_id_address_hash_created_at"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        replace_index(op.f(_INDEX), "deliveries", ["organisation_id", "address_hash", "created_at"])


def downgrade() -> None:
    op.drop_index(op.f(_INDEX), "deliveries")
