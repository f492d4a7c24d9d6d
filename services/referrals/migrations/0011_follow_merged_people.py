"""Contact records know which person was named, so that they follow a merge of people and its undoing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_INDEX = "ix_contact_records_named_person"
_ABOUT_SOMEBODY = sa.text("named_person_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("contact_records", sa.Column("named_person_id", sa.String(32), nullable=True))
    op.execute("UPDATE contact_records SET named_person_id = person_id WHERE person_id IS NOT NULL")
    op.create_index(
        _INDEX,
        "contact_records",
        ["organisation_id", "named_person_id"],
        sqlite_where=_ABOUT_SOMEBODY,
        postgresql_where=_ABOUT_SOMEBODY,
    )


def downgrade() -> None:
    op.drop_index(_INDEX, "contact_records")
    op.drop_column("contact_records", "named_person_id")
