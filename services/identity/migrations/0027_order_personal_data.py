"""Orders about a person's data: exports and erasures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('personal_data_jobs',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('organisation_key', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('people', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
    sa.Column('accounts', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
    sa.Column('reason_code', sa.String(length=30), nullable=True),
    sa.Column('ordered_by', sa.String(length=64), nullable=False),
    sa.Column('ordered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('has_failed', sa.Boolean(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=True),
    sa.Column('size', sa.Integer(), nullable=True),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_personal_data_jobs'))
    )
    with op.batch_alter_table('personal_data_jobs', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_personal_data_jobs_finished_at'), ['finished_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_personal_data_jobs_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_personal_data_jobs_organisation_id_person_id_ordered_at'), ['organisation_id', 'person_id', 'ordered_at'], unique=False)

    op.create_table('personal_data_parts',
    sa.Column('job_id', sa.String(length=32), nullable=False),
    sa.Column('service', sa.String(length=20), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('kept', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=True),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['personal_data_jobs.id'], name=op.f('fk_personal_data_parts_job_id_personal_data_jobs')),
    sa.PrimaryKeyConstraint('job_id', 'service', name=op.f('pk_personal_data_parts'))
    )
    with op.batch_alter_table('personal_data_parts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_personal_data_parts_organisation_id'), ['organisation_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('personal_data_parts', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_personal_data_parts_organisation_id'))

    op.drop_table('personal_data_parts')
    with op.batch_alter_table('personal_data_jobs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_personal_data_jobs_organisation_id_person_id_ordered_at'))
        batch_op.drop_index(batch_op.f('ix_personal_data_jobs_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_personal_data_jobs_finished_at'))

    op.drop_table('personal_data_jobs')
