"""Declines and decisions on consents are signed by themselves, those of before as well."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("document_id", sa.String(32), nullable=True),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_organisation_id", "decisions", ["organisation_id"])
    op.create_index(
        "ix_decisions_organisation_id_account_id_decided_at",
        "decisions",
        ["organisation_id", "account_id", "decided_at"],
    )
    op.create_index("ix_decisions_organisation_id_sha256", "decisions", ["organisation_id", "sha256"])
    op.create_index("ix_decisions_document_id", "decisions", ["document_id"])
    op.create_table(
        "consent_progress",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_key", sa.String(64), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("news", sa.Integer(), nullable=False),
        sa.Column("is_behind", sa.Boolean(), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consent_progress"),
    )
    op.create_index("ix_consent_progress_organisation_id", "consent_progress", ["organisation_id"])
    op.create_index("ix_consent_progress_is_behind", "consent_progress", ["is_behind"])
    # Consents of before are read from the beginning on, in the organisations that are known here.
    op.execute(
        "INSERT INTO consent_progress (id, organisation_id, organisation_key, news, is_behind) "
        "SELECT organisation_id, organisation_id, MIN(organisation_key), 1, true FROM documents "
        "WHERE organisation_key IS NOT NULL GROUP BY organisation_id"
    )
    with op.batch_alter_table("recipients") as batch:
        batch.add_column(sa.Column("waits_for_seal_since", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_recipients_waits_for_seal_since", "recipients", ["waits_for_seal_since"])
    op.execute("UPDATE recipients SET waits_for_seal_since = decided_at WHERE state = 'declined'")


def downgrade() -> None:
    op.drop_index("ix_recipients_waits_for_seal_since", "recipients")
    with op.batch_alter_table("recipients") as batch:
        batch.drop_column("waits_for_seal_since")
    op.drop_table("consent_progress")
    op.drop_table("decisions")
