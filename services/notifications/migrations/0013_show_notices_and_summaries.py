"""show notices and summaries"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.add_column(sa.Column('shown_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('read_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f('ix_deliveries_organisation_id_account_id_shown_at_id'), ['organisation_id', 'account_id', 'shown_at', 'id'], unique=False)

    with op.batch_alter_table('message_preferences', schema=None) as batch_op:
        batch_op.add_column(sa.Column('digested', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), server_default='[]', nullable=False))
        batch_op.add_column(sa.Column('digest_at', sa.Time(), server_default='08:00:00', nullable=False))



def downgrade() -> None:
    with op.batch_alter_table('message_preferences', schema=None) as batch_op:
        batch_op.drop_column('digest_at')
        batch_op.drop_column('digested')

    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_deliveries_organisation_id_account_id_shown_at_id'))
        batch_op.drop_column('read_at')
        batch_op.drop_column('shown_at')

