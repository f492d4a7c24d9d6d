"""Suppress addresses that return mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suppressed_addresses",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("masked_address", sa.String(length=320), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("delivery_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressed_addresses")),
        sa.UniqueConstraint(
            "organisation_id", "address_hash", name=op.f("uq_suppressed_addresses_organisation_id_address_hash")
        ),
    )
    for columns in (["organisation_id"], ["organisation_id", "since", "id"], ["organisation_id", "account_id"], ["since"]):
        name = op.f(f"ix_suppressed_addresses_{'_'.join(columns)}")
        op.create_index(name, "suppressed_addresses", columns)
    op.add_column("deliveries", sa.Column("address_hash", sa.String(length=64), nullable=True))
    op.add_column("deliveries", sa.Column("masked_address", sa.String(length=320), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("deliveries") as table:
        table.drop_column("masked_address")
        table.drop_column("address_hash")
    op.drop_table("suppressed_addresses")
