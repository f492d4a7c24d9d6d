"""List the types of documents that were published."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_ITEMS = sa.table(
    "published_items",
    sa.column("organisation_id", sa.String),
    sa.column("kind", sa.String),
    sa.column("values", sa.JSON),
)


def upgrade() -> None:
    types = op.create_table(
        "document_types",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("document_type", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "document_type", name=op.f("pk_document_types")),
    )
    code = _ITEMS.c["values"]["document_type"].as_string()
    known = sa.select(_ITEMS.c.organisation_id, code).where(_ITEMS.c.kind == "document").distinct()
    op.execute(types.insert().from_select(["organisation_id", "document_type"], known))


def downgrade() -> None:
    op.drop_table("document_types")
