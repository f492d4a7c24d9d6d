"""The history of published events, which a migration of each service creates.

Do not change this module: revisions call it, and must keep the effect they had. A change needs a new revision.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    """Create the table. It fills as events are published."""
    op.create_table(
        "published_events",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("aggregate", sa.String(length=128), nullable=False),
        sa.Column("exchange", sa.String(length=80), nullable=False),
        sa.Column("routing_key", sa.String(length=200), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_published_events")),
        sa.UniqueConstraint("event_id", name=op.f("uq_published_events_event_id")),
    )
    op.create_index(op.f("ix_published_events_created_at"), "published_events", ["created_at"])


def downgrade() -> None:
    """Delete the table with what is in it."""
    op.drop_table("published_events")
