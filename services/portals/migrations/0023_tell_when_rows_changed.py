"""Tell when requests, appointments and schedules last changed. What is there counts as changed when it began, or ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_INDEXES = {
    "appointments": ("updated_at", "starts_at"),
    "queue_items": ("updated_at", "requested_at"),
    "messages": ("sent_at",),
}
# By table: the times from which the time of the last change is taken, the first that is known.
_TIMES = {
    "appointments": ("booked_at",),
    "queue_items": ("dismissed_at", "requested_at"),
    "schedules": ("created_at",),
}


def upgrade() -> None:
    # A default of the database, for the rows that the last release adds while it still runs. SQLite copies the table for it.
    for name, times in _TIMES.items():
        changed = sa.Column(
            "updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        )
        with op.batch_alter_table(name, recreate="auto" if _is_postgresql() else "always") as table:
            table.add_column(changed)
        rows = sa.table(name, sa.column("updated_at"), *(sa.column(each) for each in times))
        known = [rows.c[each] for each in times]
        op.execute(rows.update().values(updated_at=sa.func.coalesce(*known, rows.c.updated_at)))
    for name, columns in _INDEXES.items():
        for column in columns:
            op.create_index(f"ix_{name}_organisation_id_{column}_id", name, ["organisation_id", column, "id"])


def downgrade() -> None:
    for name, columns in _INDEXES.items():
        for column in columns:
            op.drop_index(f"ix_{name}_organisation_id_{column}_id", name)
    for name in _TIMES:
        with op.batch_alter_table(name) as table:
            table.drop_column("updated_at")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
