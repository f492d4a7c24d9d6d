"""Find messages by their reference."""

from __future__ import annotations

from alembic import op

from services.chassis.migrate import replace_index

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_INDEX = "ix_deliveries_organisation_id_reference"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        replace_index(op.f(_INDEX), "deliveries", ["organisation_id", "reference"])


def downgrade() -> None:
    op.drop_index(op.f(_INDEX), "deliveries")
