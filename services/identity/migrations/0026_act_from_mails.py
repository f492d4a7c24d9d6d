"""act from mails"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('mail_links',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('account_id', sa.String(length=32), nullable=False),
    sa.Column('message_id', sa.String(length=32), nullable=False),
    sa.Column('purpose', sa.String(length=20), nullable=False),
    sa.Column('object_id', sa.String(length=32), nullable=False),
    sa.Column('object_state', sa.String(length=64), nullable=False),
    sa.Column('holder_mark', sa.String(length=64), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('void_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_mail_links_account_id_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mail_links')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_mail_links_token_hash'))
    )
    with op.batch_alter_table('mail_links', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_mail_links_account_id'), ['account_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_mail_links_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_mail_links_message_id'), ['message_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_mail_links_organisation_id'), ['organisation_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('mail_links', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_mail_links_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_mail_links_message_id'))
        batch_op.drop_index(batch_op.f('ix_mail_links_expires_at'))
        batch_op.drop_index(batch_op.f('ix_mail_links_account_id'))

    op.drop_table('mail_links')
