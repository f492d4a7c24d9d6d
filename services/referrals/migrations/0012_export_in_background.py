"""Exports of the directory that go on in the background; why a job was stopped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "directory_exports",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("organisation_key", sa.String(64), nullable=False),
        sa.Column("format", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(20), nullable=True),
        sa.Column("requested_by", sa.String(64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(32), nullable=True),
        sa.Column("claimed_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_directory_exports"),
    )
    op.create_index("ix_directory_exports_organisation_id", "directory_exports", ["organisation_id"])
    op.create_index("ix_directory_exports_finished_at", "directory_exports", ["finished_at"])
    op.add_column("bulk_jobs", sa.Column("stopped_because", sa.String(30), nullable=True))


def downgrade() -> None:
    op.drop_column("bulk_jobs", "stopped_because")
    op.drop_table("directory_exports")
