"""Place orders: a picklist, and what supervisors order from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('order_items',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('name_key', sa.Text(), nullable=False),
    sa.Column('explanation', sa.String(length=500), nullable=True),
    sa.Column('is_offered', sa.Boolean(), nullable=False),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_items')),
    sa.UniqueConstraint('organisation_id', 'name_key', name=op.f('uq_order_items_organisation_id_name_key'))
    )
    with op.batch_alter_table('order_items', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_order_items_organisation_id'), ['organisation_id'], unique=False)

    op.create_table('employee_orders',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('first_person_id', sa.String(length=32), nullable=False),
    sa.Column('order_item_id', sa.String(length=32), nullable=False),
    sa.Column('queue_item_id', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('account_id', sa.String(length=32), nullable=False),
    sa.Column('placed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['order_item_id'], ['order_items.id'], name=op.f('fk_employee_orders_order_item_id_order_items')),
    sa.ForeignKeyConstraint(['queue_item_id'], ['queue_items.id'], name=op.f('fk_employee_orders_queue_item_id_queue_items')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_employee_orders'))
    )
    with op.batch_alter_table('employee_orders', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_employee_orders_account_id_placed_at_id'), ['account_id', 'placed_at', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_employee_orders_first_person_id'), ['first_person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_employee_orders_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_employee_orders_person_id_order_item_id'), ['person_id', 'order_item_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('employee_orders', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_employee_orders_person_id_order_item_id'))
        batch_op.drop_index(batch_op.f('ix_employee_orders_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_employee_orders_first_person_id'))
        batch_op.drop_index(batch_op.f('ix_employee_orders_account_id_placed_at_id'))

    op.drop_table('employee_orders')
    with op.batch_alter_table('order_items', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_order_items_organisation_id'))

    op.drop_table('order_items')
