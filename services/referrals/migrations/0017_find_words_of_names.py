"""Contact records are found by every word of their names, which get a table of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.migrate import create_names, fill, replace_index

# Every row must have the words that searches of this version compare with. A later change of them fills the rows again.
from services.chassis.names import name_rows, write_name
from services.referrals.records.models import ContactRecordName

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OLD_INDEXES = {
    "ix_contact_records_last_name": ("last_name_key", "first_name_key", "id"),
    "ix_contact_records_first_name": ("first_name_key", "last_name_key", "id"),
}


def upgrade() -> None:
    create_names("contact_record_names", "contact_records")
    with op.get_context().autocommit_block():
        fill(op.get_bind(), "contact_records", ("organisation_id", "first_name", "last_name"), _contact_record)
        for name in OLD_INDEXES:
            replace_index(name, "contact_records", None)


def _contact_record(row: sa.Row) -> None:
    rows = name_rows(row.id, row.organisation_id, row.first_name, row.last_name)
    write_name(op.get_bind(), ContactRecordName.__table__, rows, row.id)


def downgrade() -> None:
    op.drop_table("contact_record_names")
    with op.get_context().autocommit_block():
        for name, columns in OLD_INDEXES.items():
            replace_index(name, "contact_records", ["organisation_id", *columns])
