"""Keep references, providers and confirmations of deliveries; an organisation's choices about channels and confirmations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _json() -> sa.types.TypeEngine[object]:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "channel_settings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kept_days", _json(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_settings")),
        sa.UniqueConstraint("organisation_id", name=op.f("uq_channel_settings_organisation_id")),
    )
    op.create_index(op.f("ix_channel_settings_organisation_id"), "channel_settings", ["organisation_id"])
    op.create_table(
        "client_messages",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_messages")),
        sa.UniqueConstraint("organisation_id", "on_day", name=op.f("uq_client_messages_organisation_id_on_day")),
    )
    op.create_index(op.f("ix_client_messages_organisation_id"), "client_messages", ["organisation_id"])
    op.create_index(op.f("ix_client_messages_on_day"), "client_messages", ["on_day"])
    op.add_column("deliveries", sa.Column("reference", sa.String(length=100), nullable=True))
    op.add_column("deliveries", sa.Column("client_kind", sa.String(length=10), nullable=True))
    op.add_column("deliveries", sa.Column("provider", sa.String(length=255), nullable=True))
    op.add_column("deliveries", sa.Column("confirm_mode", sa.String(length=10), nullable=True))
    op.add_column("deliveries", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("notice_settings", sa.Column("confirmed_by", _json(), server_default="{}", nullable=False))
    op.add_column(
        "notice_settings", sa.Column("confirm_minutes", sa.Integer(), server_default="60", nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("notice_settings") as table:
        table.drop_column("confirm_minutes")
        table.drop_column("confirmed_by")
    with op.batch_alter_table("deliveries") as table:
        for name in ("confirmed_at", "confirm_mode", "provider", "client_kind", "reference"):
            table.drop_column(name)
    op.drop_table("client_messages")
    op.drop_table("channel_settings")
