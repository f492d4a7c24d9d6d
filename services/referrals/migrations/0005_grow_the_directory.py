"""The directory: longer numbers (HSDS identifiers), revisions, edits by hand, imports in the background."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("resources", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("resources", sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        op.f("ix_resources_organisation_id_revision"), "resources", ["organisation_id", "revision"]
    )
    _resize_numbers(20, 64)
    op.create_table(
        "directory_revisions",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_directory_revisions")),
    )
    op.create_table(
        "directory_imports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=True),
        sa.Column("is_dry_run", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("levels", JSON, nullable=False),
        sa.Column("problems", JSON, nullable=False),
        sa.Column("warnings", JSON, nullable=False),
        sa.Column("refusal", JSON, nullable=True),
        sa.Column("requested_by", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=32), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_imports")),
    )
    op.create_index(op.f("ix_directory_imports_organisation_id"), "directory_imports", ["organisation_id"])
    op.create_index(op.f("ix_directory_imports_finished_at"), "directory_imports", ["finished_at"])


def downgrade() -> None:
    op.drop_table("directory_imports")
    op.drop_table("directory_revisions")
    _resize_numbers(64, 20)
    op.drop_index(op.f("ix_resources_organisation_id_revision"), table_name="resources")
    with op.batch_alter_table("resources") as table:
        table.drop_column("edited_at")
        table.drop_column("revision")


def _resize_numbers(before: int, after: int) -> None:
    with op.batch_alter_table("resources") as table:
        table.alter_column(
            "number",
            existing_type=sa.String(length=before),
            type_=sa.String(length=after),
            existing_nullable=False,
        )
