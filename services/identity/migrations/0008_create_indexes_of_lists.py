"""Create the indexes that lists and look-ups of people and accounts walk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_people_organisation_id_date_of_birth": ("people", ["organisation_id", "date_of_birth"]),
    "ix_accounts_organisation_id_name": (
        "accounts",
        [
            "organisation_id",
            sa.text("coalesce(lower(last_name), '')"),
            sa.text("coalesce(lower(first_name), '')"),
            "id",
        ],
    ),
    "ix_accounts_organisation_id_email": ("accounts", ["organisation_id", sa.text("lower(email)")]),
}


# By LIKE PostgreSQL finds the beginning of a name only in an index of patterns, whatever the database's locale is.
FIRST, LAST = "ix_people_organisation_id_first_name", "ix_people_organisation_id_last_name"


def upgrade() -> None:
    if _is_postgresql():
        _of_beginnings(FIRST, "lower(first_name) text_pattern_ops", "lower(last_name)")
        _of_beginnings(LAST, "lower(last_name) text_pattern_ops", "coalesce(lower(first_name), '')")
    else:
        _of_beginnings(FIRST, "lower(first_name)", "lower(last_name)")
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def _of_beginnings(name: str, first: str, second: str) -> None:
    op.create_index(name, "people", ["organisation_id", sa.text(first), sa.text(second), "id"])


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)
    if _is_postgresql():
        op.drop_index(LAST, "people")
    op.drop_index(FIRST, "people")
