"""Save replies that staff answer with, and what they have begun to answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_replies",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saved_replies"),
        sa.UniqueConstraint("organisation_id", "name_key", name="uq_saved_replies_organisation_id_name_key"),
    )
    op.create_index("ix_saved_replies_organisation_id", "saved_replies", ["organisation_id"])
    op.create_table(
        "reply_drafts",
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["queue_items.id"], name="fk_reply_drafts_item_id_queue_items"),
        sa.PrimaryKeyConstraint("item_id", "account_id", name="pk_reply_drafts"),
    )
    op.create_index("ix_reply_drafts_organisation_id", "reply_drafts", ["organisation_id"])


def downgrade() -> None:
    op.drop_table("reply_drafts")
    op.drop_table("saved_replies")
