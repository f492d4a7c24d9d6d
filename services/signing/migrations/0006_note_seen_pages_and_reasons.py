"""The pages that a recipient has seen, and why somebody does not sign, as a code."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seen_pages",
        sa.Column("document_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_seen_pages_document_id_documents"),
        sa.PrimaryKeyConstraint("document_id", "number", name="pk_seen_pages"),
    )
    op.create_index("ix_seen_pages_organisation_id", "seen_pages", ["organisation_id"])
    op.add_column("documents", sa.Column("reason_code", sa.String(40), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("documents") as batch:
        batch.drop_column("reason_code")
    op.drop_table("seen_pages")
