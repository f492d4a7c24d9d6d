"""Request appointments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table('appointment_requests',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('first_person_id', sa.String(length=32), nullable=False),
    sa.Column('account_id', sa.String(length=32), nullable=False),
    sa.Column('is_by_supervisor', sa.Boolean(), nullable=False),
    sa.Column('portal', sa.String(length=40), nullable=False),
    sa.Column('type_id', sa.String(length=32), nullable=False),
    sa.Column('earliest_on', sa.Date(), nullable=True),
    sa.Column('latest_on', sa.Date(), nullable=True),
    sa.Column('parts_of_day', JSON_VALUE, nullable=False),
    sa.Column('note', sa.String(length=1000), nullable=True),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('is_open', sa.Boolean(), nullable=False),
    sa.Column('asked_at', MOMENT, nullable=False),
    sa.Column('closed_at', MOMENT, nullable=True),
    sa.Column('answer', sa.String(length=1000), nullable=True),
    sa.Column('appointment_id', sa.String(length=32), nullable=True),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['type_id'], ['appointment_types.id'], name='fk_appointment_requests_type_id_appointment_types'),
    sa.PrimaryKeyConstraint('id', name='pk_appointment_requests')
    )
    op.create_index('ix_appointment_requests_appointment_id', 'appointment_requests', ['appointment_id'])
    op.create_index('ix_appointment_requests_first_person_id', 'appointment_requests', ['first_person_id'])
    op.create_index('ix_appointment_requests_organisation_id', 'appointment_requests', ['organisation_id'])
    op.create_index('ix_appointment_requests_organisation_id_is_open_asked_at_id', 'appointment_requests', ['organisation_id', 'is_open', 'asked_at', 'id'])
    op.create_index('ix_appointment_requests_person_id_asked_at_id', 'appointment_requests', ['person_id', 'asked_at', 'id'])
    op.create_index('ix_appointment_requests_type_id', 'appointment_requests', ['type_id'])


def downgrade() -> None:
    op.drop_table('appointment_requests')
