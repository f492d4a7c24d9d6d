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
OF_BEGINNINGS = {
    "ix_people_organisation_id_first_name": ("lower(first_name)", "lower(last_name)"),
    "ix_people_organisation_id_last_name": ("lower(last_name)", "coalesce(lower(first_name), '')"),
}


def upgrade() -> None:
    pattern = " text_pattern_ops" if op.get_bind().dialect.name == "postgresql" else ""
    for name, (first, second) in OF_BEGINNINGS.items():
        op.create_index(name, "people", ["organisation_id", sa.text(f"{first}{pattern}"), sa.text(second), "id"])
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)
    for name in OF_BEGINNINGS:
        op.drop_index(name, "people")
