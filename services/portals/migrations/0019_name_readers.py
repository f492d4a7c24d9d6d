"""A conversation without an account says which realms read it. Those of before stay readable where they were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_EVERY_REALM = " applicant employee family patient provider "


def upgrade() -> None:
    with op.batch_alter_table("threads") as table:
        table.add_column(sa.Column("readers", sa.String(length=120), nullable=True))
    threads = sa.table("threads", sa.column("readers"), sa.column("account_id"))
    op.execute(threads.update().where(threads.c.account_id.is_(None)).values(readers=_EVERY_REALM))


def downgrade() -> None:
    with op.batch_alter_table("threads") as table:
        table.drop_column("readers")
