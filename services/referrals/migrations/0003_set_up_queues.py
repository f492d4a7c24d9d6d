"""Set up ReferralQs, stages of statuses, changes of contact records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("queues", sa.Column("description", sa.Text(), nullable=True))
    op.add_column("queues", sa.Column("settings", JSON, nullable=False, server_default="{}"))
    op.add_column("queues", sa.Column("forms", JSON, nullable=False, server_default="[]"))
    op.add_column("queue_statuses", sa.Column("category", sa.String(length=12), nullable=True))
    op.add_column("queue_statuses", sa.Column("colour", sa.String(length=7), nullable=True))

    op.add_column("contact_records", sa.Column("form_code", sa.String(length=64), nullable=True))
    op.add_column("contact_records", sa.Column("person_id", sa.String(length=32), nullable=True))
    op.add_column("contact_records", sa.Column("sameness", sa.String(length=64), nullable=True))
    for name, column in (("newest", "submitted_at"), ("postal_code", "postal_code"), ("sameness", "sameness")):
        columns = ["organisation_id", column, *(["id"] if name == "newest" else [])]
        op.create_index(f"ix_contact_records_{name}", "contact_records", columns, unique=False)

    op.create_table(
        "contact_record_changes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("contact_record_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("fields", JSON, nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_record_id"],
            ["contact_records.id"],
            name=op.f("fk_contact_record_changes_contact_record_id_contact_records"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_record_changes")),
        sa.UniqueConstraint(
            "contact_record_id", "version", name=op.f("uq_contact_record_changes_contact_record_id_version")
        ),
    )
    op.create_index(
        op.f("ix_contact_record_changes_organisation_id"), "contact_record_changes", ["organisation_id"]
    )


def downgrade() -> None:
    op.drop_table("contact_record_changes")
    for name in ("sameness", "postal_code", "newest"):
        op.drop_index(f"ix_contact_records_{name}", table_name="contact_records")
    for table, columns in (
        ("contact_records", ("sameness", "person_id", "form_code")),
        ("queue_statuses", ("colour", "category")),
        ("queues", ("forms", "settings", "description")),
    ):
        for column in columns:
            op.drop_column(table, column)
