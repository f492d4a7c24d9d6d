"""Documents know whom they concerned when they were sent, so that they follow a merge of people and its undoing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEX = "ix_documents_organisation_id_named_person_id"


def upgrade() -> None:
    op.add_column("documents", sa.Column("named_person_id", sa.String(32), nullable=True))
    op.execute("UPDATE documents SET named_person_id = person_id WHERE person_id IS NOT NULL")
    op.create_index(_INDEX, "documents", ["organisation_id", "named_person_id"])


def downgrade() -> None:
    op.drop_index(_INDEX, "documents")
    op.drop_column("documents", "named_person_id")
