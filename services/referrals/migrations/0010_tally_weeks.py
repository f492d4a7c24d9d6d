"""Tally the moves of whole weeks. The service fills the tallies by itself, a week at a time, beginning with the first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_MONTHS = (
    ("report_places", "assigned_month"),
    ("report_places", "ended_month"),
    ("report_moves", "month"),
    ("report_capacity_days", "month"),
)


def upgrade() -> None:
    op.create_table(
        "report_weeks",
        sa.Column("cell_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entered", sa.Integer(), nullable=False),
        sa.Column("left_classes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["report_cells.id"], name=op.f("fk_report_weeks_cell_id_report_cells")
        ),
        sa.PrimaryKeyConstraint("cell_id", "week", name=op.f("pk_report_weeks")),
    )
    op.create_table(
        "report_days",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("entered", sa.Integer(), nullable=False),
        sa.Column("left_classes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "day", "status", name=op.f("pk_report_days")),
    )
    progress = op.create_table(
        "report_progress",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tallied_week", sa.Integer(), nullable=True),
        sa.Column("rebuilding", sa.String(length=10), nullable=True),
        sa.Column("rebuilt_to", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_progress")),
    )
    op.bulk_insert(progress, [{"id": 1}])
    for table, column in _MONTHS:
        op.drop_column(table, column)
    op.drop_index(op.f("ix_report_moves_entered_cell_id_day"), table_name="report_moves")
    op.create_index(op.f("ix_report_moves_day"), "report_moves", ["day"])
    # For the rebuilding of a week. The history grows at its end only, so the smallest of indexes serves.
    op.create_index(
        op.f("ix_referral_status_changes_at"), "referral_status_changes", ["at"], postgresql_using="brin"
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_referral_status_changes_at"), table_name="referral_status_changes")
    op.drop_index(op.f("ix_report_moves_day"), table_name="report_moves")
    op.create_index(op.f("ix_report_moves_entered_cell_id_day"), "report_moves", ["entered_cell_id", "day"])
    for table, column in _MONTHS:
        # Only the statistics read these columns. The version before fills them again when it rebuilds the reports.
        op.add_column(table, sa.Column(column, sa.SmallInteger(), nullable=True))
    for table in ("report_progress", "report_days", "report_weeks"):
        op.drop_table(table)
