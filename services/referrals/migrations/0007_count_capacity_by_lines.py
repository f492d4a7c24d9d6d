"""Capacity by lines: several for each program, with schedules, validity and history. What `capacities` held stays."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ID = sa.String(length=32)


def _details() -> tuple[sa.Column, ...]:
    """What a term says, and what the history keeps of it. Made anew for each table: a column belongs to one only."""
    return (
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("period", sa.String(length=16), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("valid_until", MOMENT, nullable=True),
        sa.Column("has_waitlist", sa.Boolean(), nullable=False),
        sa.Column("needs_assessment", sa.Boolean(), nullable=False),
    )


def upgrade() -> None:
    _create_lines()
    _create_terms()
    _create_changes()
    op.create_table(
        "capacity_settings",
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("remind_hours", sa.Integer(), nullable=False),
        sa.Column("confirm_after_days", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_capacity_settings")),
    )
    _move_from_capacities()
    op.drop_table("capacities")


def _create_lines() -> None:
    op.create_table(
        "capacity_lines",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_key", sa.String(length=64), nullable=True),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("target_population", sa.String(length=200), nullable=True),
        sa.Column("term_id", ID, nullable=True),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("planned_total", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("window_started_at", MOMENT, nullable=True),
        sa.Column("settles_at", MOMENT, nullable=True),
        sa.Column("reminds_at", MOMENT, nullable=True),
        sa.Column("removed_at", MOMENT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.CheckConstraint("used >= 0 AND used <= total", name=op.f("ck_capacity_lines_used_within_total")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_capacity_lines_held_not_negative")),
        sa.CheckConstraint("mode <> 'occupancy' OR used = held", name=op.f("ck_capacity_lines_occupied_is_held")),
        sa.ForeignKeyConstraint(
            ["program_id"], ["resources.id"], name=op.f("fk_capacity_lines_program_id_resources")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_lines")),
    )
    for columns in (
        ["organisation_id"],
        ["organisation_id", "program_id", "position"],
        ["program_id"],
        ["reminds_at"],
        ["settles_at"],
    ):
        op.create_index(op.f(f"ix_capacity_lines_{'_'.join(columns)}"), "capacity_lines", columns)


def _create_terms() -> None:
    op.create_table(
        "capacity_terms",
        sa.Column("id", ID, nullable=False),
        sa.Column("line_id", ID, nullable=False),
        sa.Column("starts_at", MOMENT, nullable=True),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        *_details(),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("window_started_at", MOMENT, nullable=True),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("said_at", MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["line_id"], ["capacity_lines.id"], name=op.f("fk_capacity_terms_line_id_capacity_lines")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_terms")),
    )
    for column in ("line_id", "organisation_id"):
        op.create_index(op.f(f"ix_capacity_terms_{column}"), "capacity_terms", [column])


def _create_changes() -> None:
    op.create_table(
        "capacity_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("line_id", ID, nullable=False),
        sa.Column("program_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("term_id", ID, nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("planned_total", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        *_details(),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("actor_realm", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["line_id"], ["capacity_lines.id"], name=op.f("fk_capacity_changes_line_id_capacity_lines")
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["resources.id"], name=op.f("fk_capacity_changes_program_id_resources")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_changes")),
        sa.UniqueConstraint("line_id", "position", name=op.f("uq_capacity_changes_line_id_position")),
    )
    for columns in (["organisation_id"], ["organisation_id", "program_id", "at"]):
        op.create_index(op.f(f"ix_capacity_changes_{'_'.join(columns)}"), "capacity_changes", columns)


def _move_from_capacities() -> None:
    """Each capacity becomes its program's first line, with the program's id, and begins its history."""
    op.execute(
        "INSERT INTO capacity_lines (id, organisation_key, program_id, position, name, term_id, mode, total, "
        "planned_total, used, held, version, updated_at, organisation_id) "
        "SELECT program_id, (SELECT max(organisation_key) FROM audit "
        "WHERE audit.organisation_id = capacities.organisation_id), program_id, 0, unit, program_id, 'occupancy', "
        "total, total, used, used, version, updated_at, organisation_id FROM capacities"
    )
    op.execute(
        "INSERT INTO capacity_terms (id, line_id, total, unit, mode, time_zone, note, has_waitlist, "
        "needs_assessment, used, said_at, version, organisation_id) "
        "SELECT program_id, program_id, total, unit, 'occupancy', 'UTC', note, false, false, 0, updated_at, 1, "
        "organisation_id FROM capacities"
    )
    op.execute(
        "INSERT INTO capacity_changes (id, line_id, program_id, position, at, kind, term_id, total, planned_total, "
        "used, unit, mode, time_zone, note, has_waitlist, needs_assessment, status, actor_realm, actor_id, "
        "organisation_id) "
        "SELECT program_id, program_id, program_id, version, updated_at, 'set', program_id, total, total, used, unit, "
        "'occupancy', 'UTC', note, false, false, CASE WHEN used < total THEN 'has_capacity' ELSE 'no_capacity' END, "
        "'service', 'referrals', organisation_id FROM capacities"
    )


def downgrade() -> None:
    op.create_table(
        "capacities",
        sa.Column("program_id", ID, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.CheckConstraint("used >= 0 AND used <= total", name=op.f("ck_capacities_used_within_total")),
        sa.ForeignKeyConstraint(
            ["program_id"], ["resources.id"], name=op.f("fk_capacities_program_id_resources")
        ),
        sa.PrimaryKeyConstraint("program_id", name=op.f("pk_capacities")),
    )
    op.create_index(op.f("ix_capacities_organisation_id"), "capacities", ["organisation_id"])
    # The one table had room for the first line only, and for places that are held.
    op.execute(
        "INSERT INTO capacities (program_id, total, used, unit, note, version, updated_at, organisation_id) "
        "SELECT line.program_id, CASE WHEN line.held > line.total THEN line.held ELSE line.total END, line.held, "
        "term.unit, term.note, line.version, line.updated_at, line.organisation_id "
        "FROM capacity_lines AS line JOIN capacity_terms AS term ON term.id = line.term_id "
        "WHERE line.id = line.program_id AND line.removed_at IS NULL"
    )
    for table in ("capacity_settings", "capacity_changes", "capacity_terms", "capacity_lines"):
        op.drop_table(table)
