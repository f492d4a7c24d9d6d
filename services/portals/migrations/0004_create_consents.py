"""Create the tables of consents: texts, what portals require, how accounts stand, what was signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table('consents',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('text_version', sa.Integer(), nullable=False),
    sa.Column('title', JSON_VALUE, nullable=False),
    sa.Column('text', JSON_VALUE, nullable=False),
    sa.Column('text_hashes', JSON_VALUE, nullable=False),
    sa.Column('questionnaire_id', sa.String(length=32), nullable=True),
    sa.Column('renewal', sa.String(length=40), nullable=True),
    sa.Column('created_at', MOMENT, nullable=False),
    sa.Column('retired_at', MOMENT, nullable=True),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('id', name='pk_consents')
    )
    op.create_index('ix_consents_organisation_id', 'consents', ['organisation_id'])
    op.create_index('ix_consents_organisation_id_created_at_id', 'consents', ['organisation_id', 'created_at', 'id'])

    op.create_table('consent_standings',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('account_id', sa.String(length=32), nullable=False),
    sa.Column('consent_id', sa.String(length=32), nullable=False),
    sa.Column('text_version', sa.Integer(), nullable=False),
    sa.Column('is_given', sa.Boolean(), nullable=False),
    sa.Column('signed_consent_id', sa.String(length=32), nullable=True),
    sa.Column('signed_at', MOMENT, nullable=True),
    sa.Column('valid_until', MOMENT, nullable=True),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['consent_id'], ['consents.id'], name='fk_consent_standings_consent_id_consents'),
    sa.PrimaryKeyConstraint('id', name='pk_consent_standings'),
    sa.UniqueConstraint('organisation_id', 'account_id', 'consent_id', name='uq_consent_standings_organisation_id_account_id_consent_id')
    )
    op.create_index('ix_consent_standings_consent_id', 'consent_standings', ['consent_id'])
    op.create_index('ix_consent_standings_organisation_id', 'consent_standings', ['organisation_id'])

    op.create_table('portal_consents',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('portal', sa.String(length=40), nullable=False),
    sa.Column('consent_id', sa.String(length=32), nullable=False),
    sa.Column('realm', sa.String(length=20), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('renewal', sa.String(length=40), nullable=True),
    sa.Column('is_required', sa.Boolean(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['consent_id'], ['consents.id'], name='fk_portal_consents_consent_id_consents'),
    sa.PrimaryKeyConstraint('id', name='pk_portal_consents'),
    sa.UniqueConstraint('organisation_id', 'portal', 'consent_id', name='uq_portal_consents_organisation_id_portal_consent_id')
    )
    op.create_index('ix_portal_consents_consent_id', 'portal_consents', ['consent_id'])
    op.create_index('ix_portal_consents_organisation_id', 'portal_consents', ['organisation_id'])
    op.create_index('ix_portal_consents_organisation_id_realm', 'portal_consents', ['organisation_id', 'realm'])

    op.create_table('signed_consents',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('consent_id', sa.String(length=32), nullable=False),
    sa.Column('text_version', sa.Integer(), nullable=False),
    sa.Column('language', sa.String(length=35), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('text_hash', sa.String(length=64), nullable=False),
    sa.Column('decision', sa.String(length=20), nullable=False),
    sa.Column('at', MOMENT, nullable=False),
    sa.Column('valid_until', MOMENT, nullable=True),
    sa.Column('account_id', sa.String(length=32), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=True),
    sa.Column('session_id', sa.String(length=32), nullable=True),
    sa.Column('realm', sa.String(length=20), nullable=False),
    sa.Column('typed_name', sa.String(length=200), nullable=True),
    sa.Column('method', sa.String(length=40), nullable=True),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['consent_id'], ['consents.id'], name='fk_signed_consents_consent_id_consents'),
    sa.PrimaryKeyConstraint('id', name='pk_signed_consents')
    )
    op.create_index('ix_signed_consents_account_id_at_id', 'signed_consents', ['account_id', 'at', 'id'])
    op.create_index('ix_signed_consents_consent_id', 'signed_consents', ['consent_id'])
    op.create_index('ix_signed_consents_organisation_id', 'signed_consents', ['organisation_id'])
    op.create_index('ix_signed_consents_person_id_at_id', 'signed_consents', ['person_id', 'at', 'id'])



def downgrade() -> None:
    op.drop_table('signed_consents')
    op.drop_table('portal_consents')
    op.drop_table('consent_standings')
    op.drop_table('consents')
