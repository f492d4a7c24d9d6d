"""Keep published events for a while, so that they can be published again after a restore."""

from __future__ import annotations

from services.chassis.migrations import published_events

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    published_events.upgrade()


def downgrade() -> None:
    published_events.downgrade()
