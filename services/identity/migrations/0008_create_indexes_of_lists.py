"""Create the indexes that lists and look-ups of people and accounts walk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_people_organisation_id_first_name": (
        "people",
        ["organisation_id", sa.text("lower(first_name)"), sa.text("lower(last_name)"), "id"],
    ),
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


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)
