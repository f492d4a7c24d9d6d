"""Let an organisation choose who is told of what; let a delivery say what it is about, so that reminders can be cancelled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "notice_settings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("told", json, nullable=False),
        sa.Column("management_role_id", sa.String(length=32), nullable=True),
        sa.Column("reminder_days", json, nullable=False),
        sa.Column("reminder_hours", sa.Integer(), nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notice_settings"),
        sa.UniqueConstraint("organisation_id", name="uq_notice_settings_organisation_id"),
    )
    op.create_index("ix_notice_settings_organisation_id", "notice_settings", ["organisation_id"])
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("about_id", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("about_version", sa.Integer(), nullable=True))
        table.drop_constraint("uq_deliveries_event_id_account_id", type_="unique")
        table.create_unique_constraint(
            "uq_deliveries_event_id_account_id_kind", ["event_id", "account_id", "kind"]
        )
        table.create_index("ix_deliveries_about_id", ["about_id"])


def downgrade() -> None:
    with op.batch_alter_table("deliveries") as table:
        table.drop_index("ix_deliveries_about_id")
        table.drop_constraint("uq_deliveries_event_id_account_id_kind", type_="unique")
        table.create_unique_constraint("uq_deliveries_event_id_account_id", ["event_id", "account_id"])
        table.drop_column("about_version")
        table.drop_column("about_id")
    op.drop_table("notice_settings")
