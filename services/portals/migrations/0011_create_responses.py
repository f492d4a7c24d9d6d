"""Create answers to questionnaires, orders to supervisors and notices to departments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('responses',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('questionnaire_id', sa.String(length=32), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('account_id', sa.String(length=32), nullable=True),
    sa.Column('realm', sa.String(length=20), nullable=False),
    sa.Column('portal', sa.String(length=40), nullable=True),
    sa.Column('jurisdiction', sa.String(length=64), nullable=True),
    sa.Column('answers', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
    sa.Column('draft_key', sa.String(length=140), nullable=True),
    sa.Column('order_id', sa.String(length=32), nullable=True),
    sa.Column('order_item', sa.String(length=100), nullable=True),
    sa.Column('document_type', sa.String(length=64), nullable=True),
    sa.Column('chart_tab', sa.String(length=100), nullable=True),
    sa.Column('needs_review', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reviewed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reviewed_by', sa.String(length=32), nullable=True),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('first_person_id', sa.String(length=32), nullable=False),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['questionnaire_id', 'number'], ['questionnaire_versions.questionnaire_id', 'questionnaire_versions.number'], name=op.f('fk_responses_questionnaire_id_number_questionnaire_versions')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_responses')),
    sa.UniqueConstraint('organisation_id', 'draft_key', name=op.f('uq_responses_organisation_id_draft_key'))
    )
    with op.batch_alter_table('responses', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_responses_account_id_saved_at_id'), ['account_id', 'saved_at', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_responses_first_person_id'), ['first_person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_responses_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_responses_person_id_submitted_at_id'), ['person_id', 'submitted_at', 'id'], unique=False)

    op.create_table('answer_notices',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('department', sa.String(length=64), nullable=False),
    sa.Column('response_id', sa.String(length=32), nullable=False),
    sa.Column('item', sa.String(length=255), nullable=False),
    sa.Column('noted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('first_person_id', sa.String(length=32), nullable=False),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['response_id'], ['responses.id'], name=op.f('fk_answer_notices_response_id_responses')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_answer_notices'))
    )
    with op.batch_alter_table('answer_notices', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_answer_notices_first_person_id'), ['first_person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_answer_notices_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_answer_notices_organisation_id_noted_at_id'), ['organisation_id', 'noted_at', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_answer_notices_response_id'), ['response_id'], unique=False)

    op.create_table('supervisor_orders',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('questionnaire_id', sa.String(length=32), nullable=False),
    sa.Column('ordered_by', sa.String(length=32), nullable=False),
    sa.Column('ordered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('completed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('first_person_id', sa.String(length=32), nullable=False),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['ordered_by'], ['responses.id'], name=op.f('fk_supervisor_orders_ordered_by_responses')),
    sa.ForeignKeyConstraint(['questionnaire_id'], ['questionnaires.id'], name=op.f('fk_supervisor_orders_questionnaire_id_questionnaires')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_supervisor_orders')),
    sa.UniqueConstraint('organisation_id', 'ordered_by', 'questionnaire_id', name=op.f('uq_supervisor_orders_organisation_id_ordered_by_questionnaire_id'))
    )
    with op.batch_alter_table('supervisor_orders', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_supervisor_orders_first_person_id'), ['first_person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_supervisor_orders_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_supervisor_orders_person_id_completed_at'), ['person_id', 'completed_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_supervisor_orders_questionnaire_id'), ['questionnaire_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('supervisor_orders', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_supervisor_orders_questionnaire_id'))
        batch_op.drop_index(batch_op.f('ix_supervisor_orders_person_id_completed_at'))
        batch_op.drop_index(batch_op.f('ix_supervisor_orders_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_supervisor_orders_first_person_id'))

    op.drop_table('supervisor_orders')
    with op.batch_alter_table('answer_notices', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_answer_notices_response_id'))
        batch_op.drop_index(batch_op.f('ix_answer_notices_organisation_id_noted_at_id'))
        batch_op.drop_index(batch_op.f('ix_answer_notices_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_answer_notices_first_person_id'))

    op.drop_table('answer_notices')
    with op.batch_alter_table('responses', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_responses_person_id_submitted_at_id'))
        batch_op.drop_index(batch_op.f('ix_responses_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_responses_first_person_id'))
        batch_op.drop_index(batch_op.f('ix_responses_account_id_saved_at_id'))

    op.drop_table('responses')
