"""Note on an import of the HR feed how often it has failed, and why it was given up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hr_imports", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("hr_imports", sa.Column("reason", sa.String(20)))


def downgrade() -> None:
    op.drop_column("hr_imports", "reason")
    op.drop_column("hr_imports", "tries")
