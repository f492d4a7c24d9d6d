"""Publish items to the portals of people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "published_items",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("first_person_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("values", JSON_VALUE, nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("source_reference", sa.String(length=100), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.Column("valid_from", MOMENT, nullable=True),
        sa.Column("valid_until", MOMENT, nullable=True),
        sa.Column("withdrawn_at", MOMENT, nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_published_items"),
        sa.UniqueConstraint(
            "organisation_id", "source", "source_reference", name="uq_published_items_organisation_id_source_source_reference"
        ),
    )
    for columns in (
        ["organisation_id"],
        ["first_person_id"],
        ["person_id", "published_at"],
        ["person_id", "kind", "published_at"],
    ):
        op.create_index(f"ix_published_items_{'_'.join(columns)}", "published_items", columns)
    op.create_table(
        "item_revisions",
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("values", JSON_VALUE, nullable=False),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "revision", name="pk_item_revisions"),
    )
    op.create_index("ix_item_revisions_organisation_id", "item_revisions", ["organisation_id"])


def downgrade() -> None:
    op.drop_table("item_revisions")
    op.drop_table("published_items")
