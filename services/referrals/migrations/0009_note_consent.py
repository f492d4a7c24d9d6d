"""The consent to share a contact record, and the open referrals that are urgent or whose consent is over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
_OPEN_WITH_END = sa.text("NOT is_terminal AND consent_ends_at IS NOT NULL")
_OPEN_AND_URGENT = sa.text("NOT is_terminal AND priority <> 'routine'")


def upgrade() -> None:
    op.add_column("contact_records", sa.Column("consent_given_on", sa.Date(), nullable=True))
    op.add_column("contact_records", sa.Column("consent_until", sa.Date(), nullable=True))
    op.add_column("contact_records", sa.Column("consent_ends_at", MOMENT, nullable=True))
    op.add_column("referrals", sa.Column("consent_ends_at", MOMENT, nullable=True))
    for name, columns, where in (
        ("ix_referrals_consent", ["organisation_id", "consent_ends_at"], _OPEN_WITH_END),
        ("ix_referrals_consent_of_program", ["program_id", "consent_ends_at"], _OPEN_WITH_END),
        ("ix_referrals_urgent", ["organisation_id", "assigned_at", "id"], _OPEN_AND_URGENT),
    ):
        op.create_index(name, "referrals", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in ("ix_referrals_urgent", "ix_referrals_consent_of_program", "ix_referrals_consent"):
        op.drop_index(name, "referrals")
    op.drop_column("referrals", "consent_ends_at")
    for name in ("consent_ends_at", "consent_until", "consent_given_on"):
        op.drop_column("contact_records", name)
