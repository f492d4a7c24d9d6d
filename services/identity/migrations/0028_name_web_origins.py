"""Web frontends elsewhere: their origins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('web_origins',
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.Column('origin', sa.String(length=255), nullable=False),
    sa.PrimaryKeyConstraint('organisation_id', 'origin', name=op.f('pk_web_origins'))
    )
    with op.batch_alter_table('web_origins', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_web_origins_origin'), ['origin'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('web_origins', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_web_origins_origin'))

    op.drop_table('web_origins')
