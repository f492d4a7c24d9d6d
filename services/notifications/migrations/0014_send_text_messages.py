"""Send text messages to confirmed numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "text_numbers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pending_number", sa.String(length=20), nullable=True),
        sa.Column("code_number", sa.Integer(), nullable=False),
        sa.Column("code_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code_tries", sa.Integer(), nullable=False),
        sa.Column("codes_made", sa.Integer(), nullable=False),
        sa.Column("codes_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_text_numbers"),
        sa.UniqueConstraint("organisation_id", "account_id", name="uq_text_numbers_organisation_id_account_id"),
    )
    op.create_index("ix_text_numbers_organisation_id", "text_numbers", ["organisation_id"])
    with op.batch_alter_table("message_preferences") as table:
        table.add_column(
            sa.Column(
                "texted",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                server_default="[]",
                nullable=False,
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("message_preferences") as table:
        table.drop_column("texted")
    op.drop_table("text_numbers")
