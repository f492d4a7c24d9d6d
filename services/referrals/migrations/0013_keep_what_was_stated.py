"""Authors of what is scheduled, the settings of workflows, retired resources, and the use of capacity by unit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.String(length=32)
_SUMS = ("organisation_id", "program_id", "day", "samples", "total_sum", "used_sum")


def upgrade() -> None:
    op.create_table(
        "workflow_settings",
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("has_status_changes", sa.Boolean(), nullable=False),
        sa.Column("can_refer_to_agencies", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_workflow_settings")),
    )
    op.add_column("capacity_terms", sa.Column("said_by", sa.String(length=64), nullable=True))
    op.add_column("capacity_terms", sa.Column("said_by_realm", sa.String(length=20), nullable=True))
    op.add_column("resources", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    _replace_capacity_days(sa.Column("unit", sa.String(length=40), nullable=False, server_default=""))


def downgrade() -> None:
    _replace_capacity_days()
    op.drop_column("resources", "retired_at")
    op.drop_column("capacity_terms", "said_by_realm")
    op.drop_column("capacity_terms", "said_by")
    op.drop_table("workflow_settings")


def _replace_capacity_days(*unit: sa.Column) -> None:
    """Make the table anew with or without the unit in its key. SQLite cannot change the key of a table."""
    columns = ", ".join(_SUMS)
    sums = ", ".join(("organisation_id", "program_id", "day", "sum(samples)", "sum(total_sum)", "sum(used_sum)"))
    op.execute(f"CREATE TABLE kept_capacity_days AS SELECT {columns} FROM report_capacity_days")  # noqa: S608 - our own names
    op.drop_table("report_capacity_days")
    op.create_table(
        "report_capacity_days",
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        *unit,
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("total_sum", sa.BigInteger(), nullable=False),
        sa.Column("used_sum", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id"], ["resources.id"], name=op.f("fk_report_capacity_days_program_id_resources")
        ),
        sa.PrimaryKeyConstraint(
            "program_id", "day", *[column.name for column in unit], name=op.f("pk_report_capacity_days")
        ),
    )
    op.create_index(
        op.f("ix_report_capacity_days_organisation_id"), "report_capacity_days", ["organisation_id"]
    )
    op.execute(
        f"INSERT INTO report_capacity_days ({columns}) SELECT {sums} FROM kept_capacity_days "  # noqa: S608 - our own names
        "GROUP BY organisation_id, program_id, day"
    )
    op.drop_table("kept_capacity_days")
