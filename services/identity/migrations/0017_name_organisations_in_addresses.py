"""Give organisations a short name in addresses, a telephone number, a time zone, and the realms that they publish."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.models import JsonValue
from services.chassis.migrate import add_columns, replace_index

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UNIQUE = "uq_organisations_short_name"
BY_EMAIL = "ix_accounts_email_key"


def upgrade() -> None:
    add_columns(
        "organisations",
        sa.Column("short_name", sa.String(40)),
        sa.Column("telephone", sa.String(40)),
        sa.Column("time_zone", sa.String(64), nullable=False, server_default="UTC"),
        sa.Column("published_realms", JsonValue),
    )
    known = sa.inspect(op.get_bind()).get_unique_constraints("organisations")
    if UNIQUE not in {each["name"] for each in known}:  # a migration that was interrupted begins anew
        with op.batch_alter_table("organisations") as changed:
            changed.create_unique_constraint(UNIQUE, ["short_name"])
    with op.get_context().autocommit_block():
        replace_index(BY_EMAIL, "accounts", ["email_key"])


def downgrade() -> None:
    op.drop_index(BY_EMAIL, "accounts")
    with op.batch_alter_table("organisations") as changed:
        changed.drop_constraint(UNIQUE, type_="unique")
        for name in ("published_realms", "time_zone", "telephone", "short_name"):
            changed.drop_column(name)
