"""Make groups of staff, absences, and the clock by which others are told of what nobody answers.

Of what is open and past its time already nobody is told anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "absences",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("text", sa.String(length=500), nullable=True),
        sa.Column("surrogate_id", sa.String(length=32), nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_absences"),
    )
    op.create_index("ix_absences_organisation_id", "absences", ["organisation_id"])
    op.create_index("ix_absences_organisation_id_until_on", "absences", ["organisation_id", "until_on"])
    op.create_table(
        "staff_groups",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("name_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("member_ids", _JSON, nullable=False),
        sa.Column("supervisor_id", sa.String(length=32), nullable=True),
        sa.Column("service_hours", sa.Integer(), nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staff_groups"),
        sa.UniqueConstraint("organisation_id", "name_key", name="uq_staff_groups_organisation_id_name_key"),
    )
    op.create_index("ix_staff_groups_organisation_id", "staff_groups", ["organisation_id"])
    op.create_table(
        "queue_escalations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("account_ids", _JSON, nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["queue_items.id"], name="fk_queue_escalations_item_id_queue_items"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_queue_escalations"),
    )
    op.create_index("ix_queue_escalations_item_id", "queue_escalations", ["item_id"])
    op.create_index("ix_queue_escalations_organisation_id", "queue_escalations", ["organisation_id"])
    op.add_column("message_types", sa.Column("group_ids", _JSON, server_default="[]", nullable=False))
    op.add_column("queue_items", sa.Column("escalates_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("queue_items", sa.Column("escalated_to", sa.String(length=20), nullable=True))
    items = sa.table("queue_items", *map(sa.column, ("escalates_at", "due_at", "is_open", "is_waiting")))
    waits = (items.c.is_open.is_(sa.true()), items.c.is_waiting.is_(sa.true()))
    op.execute(
        items.update().where(*waits, items.c.due_at > sa.func.now()).values(escalates_at=items.c.due_at)
    )
    op.create_index("ix_queue_items_escalates_at", "queue_items", ["escalates_at"])


def downgrade() -> None:
    op.drop_index("ix_queue_items_escalates_at", "queue_items")
    for table, columns in (("queue_items", ("escalated_to", "escalates_at")), ("message_types", ("group_ids",))):
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column)
    for table in ("queue_escalations", "staff_groups", "absences"):
        op.drop_table(table)
