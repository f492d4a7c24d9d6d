"""People and accounts are found by every word of their names, which get a table of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.migrate import create_names, fill, replace_index

# Every row must have the words that searches of this version compare with. A later change of them fills the rows again.
from services.chassis.names import name_rows, write_name
from services.identity.models import AccountName, PersonName

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Served searches by the first name.
OLD_INDEX = "ix_people_organisation_id_first_name"


def upgrade() -> None:
    create_names("person_names", "people")
    create_names("account_names", "accounts")
    with op.get_context().autocommit_block():
        fill(op.get_bind(), "people", ("organisation_id", "first_name", "last_name"), _person)
        fill(op.get_bind(), "accounts", ("organisation_id", "first_name", "last_name", "login_space"), _account)
        replace_index(OLD_INDEX, "people", None)


def _person(row: sa.Row) -> None:
    rows = name_rows(row.id, row.organisation_id, row.first_name, row.last_name)
    write_name(op.get_bind(), PersonName.__table__, rows, row.id)


def _account(row: sa.Row) -> None:
    if row.login_space == "workforce":
        rows = name_rows(row.id, row.organisation_id, row.first_name, row.last_name)
        write_name(op.get_bind(), AccountName.__table__, rows, row.id)


def downgrade() -> None:
    op.drop_table("account_names")
    op.drop_table("person_names")
    columns = ["organisation_id", "first_name_key", "last_name_key", "id"]
    with op.get_context().autocommit_block():
        replace_index(OLD_INDEX, "people", columns)
