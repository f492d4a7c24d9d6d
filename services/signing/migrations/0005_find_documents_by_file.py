"""Documents are found by their files, so that files to which none refers can be deleted."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COLUMNS = ("original_sha256", "signed_sha256")


def upgrade() -> None:
    for column in _COLUMNS:
        op.create_index(f"ix_documents_organisation_id_{column}", "documents", ["organisation_id", column])


def downgrade() -> None:
    for column in _COLUMNS:
        op.drop_index(f"ix_documents_organisation_id_{column}", "documents")
