"""Keep what an account wants to be told, and when not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message_preferences",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column(
            "switched_off", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_message_preferences"),
        sa.UniqueConstraint(
            "organisation_id", "account_id", name="uq_message_preferences_organisation_id_account_id"
        ),
    )
    op.create_index("ix_message_preferences_organisation_id", "message_preferences", ["organisation_id"])


def downgrade() -> None:
    op.drop_table("message_preferences")
