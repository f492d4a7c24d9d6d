"""Documents on paper and by fax, plans of care, new versions, reminders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NEW = (
    sa.Column("organisation_key", sa.String(64), nullable=True),
    sa.Column("channel", sa.String(10), nullable=False, server_default="email"),
    sa.Column("addressee", sa.String(120), nullable=True),
    sa.Column("fax_number", sa.String(40), nullable=True),
    sa.Column("fax_state", sa.String(10), nullable=True),
    sa.Column("faxed_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("kind", sa.String(20), nullable=False, server_default="document"),
    sa.Column("care_began_on", sa.Date(), nullable=True),
    sa.Column("respond_by", sa.Date(), nullable=True),
    sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
    sa.Column("replaces_document_id", sa.String(32), nullable=True),
    sa.Column("replaced_by_document_id", sa.String(32), nullable=True),
    sa.Column("is_wet", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("signed_on", sa.Date(), nullable=True),
    sa.Column("reminders", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("next_reminder_at", sa.DateTime(timezone=True), nullable=True),
)
_LINKS = ("replaces_document_id", "replaced_by_document_id")


def upgrade() -> None:
    with op.batch_alter_table("documents") as batch:
        for column in _NEW:
            batch.add_column(column)
        batch.alter_column("recipient_account_id", existing_type=sa.String(32), nullable=True)
        for name in _LINKS:
            batch.create_foreign_key(f"fk_documents_{name}_documents", "documents", [name], ["id"])
    op.create_index(
        "ix_documents_organisation_id_person_id_sent_at_id",
        "documents",
        ["organisation_id", "person_id", "sent_at", "id"],
    )
    op.create_index("ix_documents_next_reminder_at", "documents", ["next_reminder_at"])


def downgrade() -> None:
    op.drop_index("ix_documents_next_reminder_at", "documents")
    op.drop_index("ix_documents_organisation_id_person_id_sent_at_id", "documents")
    # What went out on paper has no account, which the earlier schema cannot hold.
    op.execute("DELETE FROM seen_pages WHERE document_id IN (SELECT id FROM documents WHERE recipient_account_id IS NULL)")
    op.execute("UPDATE documents SET replaces_document_id = NULL, replaced_by_document_id = NULL")
    op.execute("DELETE FROM documents WHERE recipient_account_id IS NULL")
    with op.batch_alter_table("documents") as batch:
        for name in _LINKS:
            batch.drop_constraint(f"fk_documents_{name}_documents", type_="foreignkey")
        batch.alter_column("recipient_account_id", existing_type=sa.String(32), nullable=False)
        for column in reversed(_NEW):
            batch.drop_column(column.name)
