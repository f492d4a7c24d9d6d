"""Several recipients of a document, each with role, turn and decision; the pages that each of them has seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
# Why the last release does not need what is dropped.
contracts = "no release has had seen_pages or documents.next_reminder_at: the first one is still to come"

_NEW = (
    sa.Column("message", sa.Text(), nullable=True),
    sa.Column("may_delegate", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("must_see_pages", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("signatures_wanted", sa.Integer(), nullable=False, server_default="1"),
    sa.Column("signatures_done", sa.Integer(), nullable=False, server_default="0"),
)
# A document of before has one signer, whose row takes the document's id.
_ONE_SIGNER = """
INSERT INTO recipients (id, organisation_id, document_id, account_id, place, role, turn, state, asked_at, viewed_at, decided_at,
                        meaning, reason_code, note, next_reminder_at)
SELECT id, organisation_id, id, recipient_account_id, 0, 'signer', 1,
       CASE WHEN state = 'sent' THEN 'asked' WHEN is_wet THEN 'ended' WHEN state = 'declined' THEN 'declined' ELSE 'signed' END,
       sent_at, viewed_at, CASE WHEN is_wet THEN NULL ELSE decided_at END, meaning, reason_code,
       CASE WHEN is_wet THEN NULL ELSE note END, next_reminder_at
FROM documents WHERE recipient_account_id IS NOT NULL
"""


def upgrade() -> None:
    op.create_table(
        "recipients",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("document_id", sa.String(32), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("viewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_in", sa.String(128), nullable=True),
        sa.Column("meaning", sa.String(20), nullable=True),
        sa.Column("reason_code", sa.String(40), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("delegated_by_id", sa.String(32), nullable=True),
        sa.Column("next_reminder_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_recipients_document_id_documents"),
        sa.ForeignKeyConstraint(
            ["delegated_by_id"], ["recipients.id"], name="fk_recipients_delegated_by_id_recipients"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_recipients"),
        sa.UniqueConstraint("document_id", "account_id", name="uq_recipients_document_id_account_id"),
    )
    op.create_index("ix_recipients_organisation_id", "recipients", ["organisation_id"])
    op.create_index(
        "ix_recipients_organisation_id_account_id_document_id",
        "recipients",
        ["organisation_id", "account_id", "document_id"],
    )
    op.create_index("ix_recipients_expires_on", "recipients", ["expires_on"])
    op.create_index("ix_recipients_next_reminder_at", "recipients", ["next_reminder_at"])
    op.execute(_ONE_SIGNER)
    op.create_table(
        "pages_seen",
        sa.Column("document_id", sa.String(32), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_pages_seen_document_id_documents"),
        sa.PrimaryKeyConstraint("document_id", "account_id", "number", name="pk_pages_seen"),
    )
    op.create_index("ix_pages_seen_organisation_id", "pages_seen", ["organisation_id"])
    op.execute(
        "INSERT INTO pages_seen (document_id, account_id, number, at, organisation_id) "
        "SELECT seen_pages.document_id, documents.recipient_account_id, seen_pages.number, seen_pages.at, "
        "seen_pages.organisation_id FROM seen_pages JOIN documents ON documents.id = seen_pages.document_id "
        "WHERE documents.recipient_account_id IS NOT NULL"
    )
    op.drop_table("seen_pages")
    op.drop_index("ix_documents_next_reminder_at", "documents")
    with op.batch_alter_table("documents") as batch:
        batch.drop_column("next_reminder_at")
        for column in _NEW:
            batch.add_column(column)
    op.execute("UPDATE documents SET signatures_done = 1 WHERE state IN ('signed', 'returned')")


def downgrade() -> None:
    op.create_table(
        "seen_pages",
        sa.Column("document_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_seen_pages_document_id_documents"),
        sa.PrimaryKeyConstraint("document_id", "number", name="pk_seen_pages"),
    )
    op.create_index("ix_seen_pages_organisation_id", "seen_pages", ["organisation_id"])
    op.execute(
        "INSERT INTO seen_pages (document_id, number, at, organisation_id) "
        "SELECT document_id, number, MIN(at), MIN(organisation_id) FROM pages_seen GROUP BY document_id, number"
    )
    op.drop_table("pages_seen")
    with op.batch_alter_table("documents") as batch:
        for column in reversed(_NEW):
            batch.drop_column(column.name)
        batch.add_column(sa.Column("next_reminder_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_documents_next_reminder_at", "documents", ["next_reminder_at"])
    op.execute(
        "UPDATE documents SET next_reminder_at = (SELECT MIN(recipients.next_reminder_at) FROM recipients "
        "WHERE recipients.document_id = documents.id)"
    )
    op.drop_table("recipients")
