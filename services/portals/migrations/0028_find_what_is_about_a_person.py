"""Find what is about a person (an export or erasure) without reading whole tables."""

from __future__ import annotations

from alembic import op

from services.chassis.migrate import replace_index

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_FOUND_BY = (('calendar_feeds', 'person_id'), ('reply_drafts', 'account_id'), ('answer_notices', 'person_id'))


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for table, column in _FOUND_BY:
            replace_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    for table, column in _FOUND_BY:
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
