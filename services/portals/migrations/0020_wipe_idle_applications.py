"""Applications that nobody uses are found by when they were seen, whatever their organisation."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_applications_sent_at_seen_at", "applications", ["sent_at", "seen_at"])


def downgrade() -> None:
    op.drop_index("ix_applications_sent_at_seen_at", "applications")
