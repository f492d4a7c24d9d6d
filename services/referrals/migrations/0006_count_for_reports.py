"""Create the tables of the dashboard and the reports, and count what is there already."""

from __future__ import annotations

import datetime
import math
from itertools import groupby

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_EPOCH = datetime.date(1970, 1, 1)
_BATCH = 5_000


def upgrade() -> None:
    op.create_table(
        "report_settings",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_report_settings")),
    )
    op.create_table(
        "report_cells",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("queue_id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id"], ["resources.id"], name=op.f("fk_report_cells_program_id_resources")
        ),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"], name=op.f("fk_report_cells_queue_id_queues")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_cells")),
        sa.UniqueConstraint(
            "queue_id", "program_id", "status", name=op.f("uq_report_cells_queue_id_program_id_status")
        ),
    )
    op.create_index(op.f("ix_report_cells_organisation_id"), "report_cells", ["organisation_id"])
    op.create_index(
        op.f("ix_report_cells_organisation_id_program_id"), "report_cells", ["organisation_id", "program_id"]
    )
    op.create_table(
        "report_places",
        sa.Column("referral_id", sa.String(length=32), nullable=False),
        sa.Column("cell_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_waiting", sa.Boolean(), nullable=False),
        sa.Column("is_urgent", sa.Boolean(), nullable=False),
        sa.Column("assigned_day", sa.Integer(), nullable=False),
        sa.Column("assigned_month", sa.SmallInteger(), nullable=False),
        sa.Column("ended_day", sa.Integer(), nullable=True),
        sa.Column("ended_month", sa.SmallInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=10), nullable=True),
        sa.Column("outcome_code", sa.String(length=64), nullable=True),
        sa.Column("reason_code", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["report_cells.id"], name=op.f("fk_report_places_cell_id_report_cells")
        ),
        sa.PrimaryKeyConstraint("referral_id", name=op.f("pk_report_places")),
    )
    op.create_table(
        "report_moves",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("left_cell_id", sa.Integer(), nullable=False),
        sa.Column("entered_cell_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("month", sa.SmallInteger(), nullable=False),
        sa.Column("duration_class", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["left_cell_id"], ["report_cells.id"], name=op.f("fk_report_moves_left_cell_id_report_cells")
        ),
        sa.ForeignKeyConstraint(
            ["entered_cell_id"],
            ["report_cells.id"],
            name=op.f("fk_report_moves_entered_cell_id_report_cells"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_moves")),
    )
    op.create_table(
        "report_counts",
        sa.Column("cell_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("urgent", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["report_cells.id"], name=op.f("fk_report_counts_cell_id_report_cells")
        ),
        sa.PrimaryKeyConstraint("cell_id", name=op.f("pk_report_counts")),
    )
    op.create_table(
        "report_deltas",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("cell_id", sa.Integer(), nullable=False),
        sa.Column("total", sa.SmallInteger(), nullable=False),
        sa.Column("open", sa.SmallInteger(), nullable=False),
        sa.Column("waiting", sa.SmallInteger(), nullable=False),
        sa.Column("urgent", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["report_cells.id"], name=op.f("fk_report_deltas_cell_id_report_cells")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_deltas")),
    )
    op.create_table(
        "report_capacity_days",
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("month", sa.SmallInteger(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("total_sum", sa.BigInteger(), nullable=False),
        sa.Column("used_sum", sa.BigInteger(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id"], ["resources.id"], name=op.f("fk_report_capacity_days_program_id_resources")
        ),
        sa.PrimaryKeyConstraint("program_id", "day", name=op.f("pk_report_capacity_days")),
    )
    op.create_index(
        op.f("ix_report_capacity_days_organisation_id"), "report_capacity_days", ["organisation_id"]
    )
    _count_what_is_there(op.get_bind())
    for table, columns in (
        ("report_places", ["cell_id", "assigned_day"]),
        ("report_places", ["cell_id", "ended_day"]),
        ("report_moves", ["left_cell_id", "day"]),
        ("report_moves", ["entered_cell_id", "day"]),
    ):
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    due = sa.text("NOT is_terminal AND due_at IS NOT NULL")
    op.create_index(
        "ix_referrals_due_of_program",
        "referrals",
        ["program_id", "due_at"],
        sqlite_where=due,
        postgresql_where=due,
    )
    op.create_index("ix_referrals_updated", "referrals", ["organisation_id", "updated_at", "id"])


def _count_what_is_there(connection: sa.Connection) -> None:
    """Write down the referrals that there are and their history, in days of UTC: no organisation has set a zone yet."""
    connection.execute(
        sa.text(
            "INSERT INTO report_cells (organisation_id, queue_id, program_id, status)"
            " SELECT organisation_id, queue_id, program_id, status FROM referrals"
            " UNION SELECT r.organisation_id, r.queue_id, r.program_id, c.from_key"
            " FROM referral_status_changes c JOIN referrals r ON r.id = c.referral_id WHERE c.from_key IS NOT NULL"
            " UNION SELECT r.organisation_id, r.queue_id, r.program_id, c.to_key"
            " FROM referral_status_changes c JOIN referrals r ON r.id = c.referral_id"
        )
    )
    cells = {
        (queue_id, program_id, status): cell_id
        for cell_id, queue_id, program_id, status in connection.execute(
            sa.text("SELECT id, queue_id, program_id, status FROM report_cells")
        )
    }
    if not cells:
        return
    metadata = sa.MetaData()
    tables = {
        name: sa.Table(name, metadata, autoload_with=connection)
        for name in ("referrals", "referral_status_changes", "report_places", "report_moves")
    }
    referrals, history = tables["referrals"], tables["referral_status_changes"]
    query = (
        sa.select(
            referrals,
            history.c.at.label("changed_at"),
            history.c.from_key,
            history.c.to_key,
        )
        .outerjoin(history, history.c.referral_id == referrals.c.id)
        .order_by(referrals.c.id, history.c.position)
    )
    places: list[dict[str, object]] = []
    moves: list[dict[str, object]] = []
    result = connection.execute(query.execution_options(yield_per=_BATCH))
    for _, lines in groupby(result, key=lambda row: row.id):
        place, own_moves = _facts_of(list(lines), cells)
        places.append(place)
        moves.extend(own_moves)
        if len(places) + len(moves) >= _BATCH:
            _write(connection, tables, places, moves)
    _write(connection, tables, places, moves)
    connection.execute(
        sa.text(
            "INSERT INTO report_counts (cell_id, total, open, waiting, urgent)"
            " SELECT cell_id, COUNT(*), SUM(CASE WHEN ended_day IS NULL THEN 1 ELSE 0 END),"
            " SUM(CASE WHEN is_waiting THEN 1 ELSE 0 END), SUM(CASE WHEN is_urgent THEN 1 ELSE 0 END)"
            " FROM report_places GROUP BY cell_id"
        )
    )


def _write(connection, tables, places, moves) -> None:
    for name, rows in (("report_places", places), ("report_moves", moves)):
        if rows:
            connection.execute(sa.insert(tables[name]), rows)
            rows.clear()


def _facts_of(lines, cells):
    referral = lines[0]
    key = (referral.queue_id, referral.program_id)
    moves, since = [], referral.assigned_at
    for line in lines:
        if line.changed_at is None:
            continue
        if line.from_key is not None and line.from_key != line.to_key:
            moves.append(
                {
                    "left_cell_id": cells[(*key, line.from_key)],
                    "entered_cell_id": cells[(*key, line.to_key)],
                    "day": _day(line.changed_at),
                    "month": _month(line.changed_at),
                    "duration_class": _duration_class((line.changed_at - since).total_seconds()),
                }
            )
        if line.from_key != line.to_key:
            since = line.changed_at
    ended_at = (referral.ended_at or referral.updated_at) if referral.is_terminal else None
    place = {
        "referral_id": referral.id,
        "cell_id": cells[(*key, referral.status)],
        "since": since,
        "is_waiting": bool(referral.is_waitlisted) and not referral.is_terminal,
        "is_urgent": referral.priority != "routine" and not referral.is_terminal,
        "assigned_day": _day(referral.assigned_at),
        "assigned_month": _month(referral.assigned_at),
        "ended_day": _day(ended_at) if ended_at else None,
        "ended_month": _month(ended_at) if ended_at else None,
        "ended_by": referral.ended_by if ended_at else None,
        "outcome_code": referral.outcome_code if ended_at else None,
        "reason_code": referral.reason_code if ended_at else None,
    }
    return place, moves


def _utc(at: datetime.datetime) -> datetime.date:
    return (at.astimezone(datetime.UTC) if at.tzinfo else at).date()


def _day(at: datetime.datetime) -> int:
    return (_utc(at) - _EPOCH).days


def _month(at: datetime.datetime) -> int:
    on = _utc(at)
    return (on.year - 1970) * 12 + on.month - 1


def _duration_class(seconds: float) -> int:
    whole = max(0, int(seconds))
    return whole if whole <= 50 else 51 + int(math.log(whole / 50) / math.log(1.02))


def downgrade() -> None:
    op.drop_index("ix_referrals_updated", table_name="referrals")
    op.drop_index("ix_referrals_due_of_program", table_name="referrals")
    for table in (
        "report_capacity_days",
        "report_deltas",
        "report_counts",
        "report_moves",
        "report_places",
        "report_cells",
        "report_settings",
    ):
        op.drop_table(table)
