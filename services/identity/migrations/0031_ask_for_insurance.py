"""Know how somebody is insured, and what the registration form asks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("insurer", sa.String(length=100), nullable=True))
    op.add_column("people", sa.Column("insurance_number", sa.String(length=40), nullable=True))
    for name, usual in (("asks_address", sa.true()), ("asks_insurance", sa.false())):
        op.add_column(
            "patient_settings", sa.Column(name, sa.Boolean(), server_default=usual, nullable=False)
        )


def downgrade() -> None:
    for table, names in (
        ("patient_settings", ("asks_insurance", "asks_address")),
        ("people", ("insurance_number", "insurer")),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in names:
                batch_op.drop_column(name)
