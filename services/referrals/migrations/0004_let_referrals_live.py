"""The life of a referral: waitlist, priority, due times, how it ended; what each line of its history was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIMES = ("waitlisted_at", "accepted_at", "due_at", "ended_at")
_CODES = {
    "capacity_line_id": 32,
    "ended_by": 10,
    "reason_code": 64,
    "outcome_code": 64,
    "replaced_by_id": 32,
    "offer_id": 32,
}
_OPEN = sa.text("NOT is_terminal")
_OPEN_AND_DUE = sa.text("NOT is_terminal AND due_at IS NOT NULL")
_WAITING = sa.text("is_waitlisted")
_LONG_AGO = sa.text("'1970-01-01 00:00:00'")


def upgrade() -> None:
    _add_to_referrals()
    op.add_column(
        "referral_status_changes",
        sa.Column("kind", sa.String(length=20), nullable=False, server_default="status"),
    )
    op.add_column(
        "referral_status_changes",
        sa.Column("is_internal", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    for name, length in (("reason_code", 64), ("outcome_code", 64), ("actor_realm", 40)):
        op.add_column("referral_status_changes", sa.Column(name, sa.String(length=length), nullable=True))
    _fill()
    _create_indexes()


def _add_to_referrals() -> None:
    for name in _TIMES:
        op.add_column("referrals", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name, length in _CODES.items():
        op.add_column("referrals", sa.Column(name, sa.String(length=length), nullable=True))
    # A default only because rows are there already; they are filled below, and the code gives a value to each new one.
    for name in ("status_since", "updated_at"):
        column = sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=_LONG_AGO)
        op.add_column("referrals", column)
    op.add_column(
        "referrals",
        sa.Column("is_waitlisted", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column(
        "referrals",
        sa.Column("priority", sa.String(length=10), nullable=False, server_default="routine"),
    )


def _fill() -> None:
    op.execute("UPDATE referral_status_changes SET kind = 'assigned' WHERE from_key IS NULL")
    op.execute(
        "UPDATE referrals SET status_since = COALESCE((SELECT MAX(referral_status_changes.at)"
        " FROM referral_status_changes WHERE referral_status_changes.referral_id = referrals.id), assigned_at)"
    )
    op.execute("UPDATE referrals SET updated_at = status_since")
    op.execute("UPDATE referrals SET ended_at = status_since WHERE is_terminal")
    # Until now a program had one capacity, which is counted under the program's own id.
    op.execute("UPDATE referrals SET capacity_line_id = program_id WHERE holds_capacity")


def _create_indexes() -> None:
    op.drop_index(op.f("ix_referrals_queue_id"), table_name="referrals")
    op.create_index(
        "ix_referrals_of_queue", "referrals", ["organisation_id", "queue_id", "assigned_at", "id"]
    )
    op.create_index(
        "ix_referrals_of_status", "referrals", ["organisation_id", "queue_id", "status", "assigned_at", "id"]
    )
    for name, columns, where in (
        ("ix_referrals_due", ["organisation_id", "due_at", "id"], _OPEN_AND_DUE),
        ("ix_referrals_waiting", ["program_id", "waitlisted_at"], _WAITING),
        ("ix_referrals_idle", ["queue_id", "updated_at"], _OPEN),
    ):
        op.create_index(name, "referrals", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in (
        "ix_referrals_idle",
        "ix_referrals_waiting",
        "ix_referrals_due",
        "ix_referrals_of_status",
        "ix_referrals_of_queue",
    ):
        op.drop_index(name, table_name="referrals")
    op.create_index(op.f("ix_referrals_queue_id"), "referrals", ["queue_id"], unique=False)
    for name in ("kind", "is_internal", "reason_code", "outcome_code", "actor_realm"):
        op.drop_column("referral_status_changes", name)
    for name in (*_TIMES, *_CODES, "status_since", "updated_at", "is_waitlisted", "priority"):
        op.drop_column("referrals", name)
