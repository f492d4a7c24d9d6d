"""note what came by links"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('capacity_changes', schema=None) as batch_op:
        batch_op.add_column(sa.Column('by_link', sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table('referral_status_changes', schema=None) as batch_op:
        batch_op.add_column(sa.Column('by_link', sa.Boolean(), server_default=sa.false(), nullable=False))



def downgrade() -> None:
    with op.batch_alter_table('referral_status_changes', schema=None) as batch_op:
        batch_op.drop_column('by_link')

    with op.batch_alter_table('capacity_changes', schema=None) as batch_op:
        batch_op.drop_column('by_link')

