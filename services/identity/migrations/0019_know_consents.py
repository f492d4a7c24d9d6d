"""Note which consents portals require and which are given; administrators may manage consents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


CONSENTS, ADMIN, STAFF = "consent.manage", "admin", "staff"

roles = sa.table(
    "roles", sa.column("id"), sa.column("organisation_id"), sa.column("code"), sa.column("realm")
)
role_permissions = sa.table(
    "role_permissions", sa.column("organisation_id"), sa.column("role_id"), sa.column("permission")
)


def upgrade() -> None:
    op.create_table('given_consents',
    sa.Column('account_id', sa.String(length=32), nullable=False),
    sa.Column('consent_id', sa.String(length=32), nullable=False),
    sa.Column('text_version', sa.Integer(), nullable=False),
    sa.Column('is_given', sa.Boolean(), nullable=False),
    sa.Column('valid_until', MOMENT, nullable=True),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'consent_id', name='pk_given_consents')
    )
    op.create_index('ix_given_consents_organisation_id', 'given_consents', ['organisation_id'])

    op.create_table('required_consents',
    sa.Column('portal', sa.String(length=40), nullable=False),
    sa.Column('consent_id', sa.String(length=32), nullable=False),
    sa.Column('realm', sa.String(length=20), nullable=False),
    sa.Column('text_version', sa.Integer(), nullable=False),
    sa.Column('is_required', sa.Boolean(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('organisation_id', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('portal', 'consent_id', name='pk_required_consents')
    )
    op.create_index('ix_required_consents_organisation_id', 'required_consents', ['organisation_id'])
    op.create_index('ix_required_consents_organisation_id_realm', 'required_consents', ['organisation_id', 'realm'])

    # What organisations have already gets what new ones are created with.
    held = sa.select(role_permissions.c.role_id).where(role_permissions.c.permission == CONSENTS)
    op.execute(
        role_permissions.insert().from_select(
            ["organisation_id", "role_id", "permission"],
            sa.select(roles.c.organisation_id, roles.c.id, sa.literal(CONSENTS)).where(
                roles.c.code == ADMIN, roles.c.realm == STAFF, roles.c.id.not_in(held)
            ),
        )
    )


def downgrade() -> None:
    op.execute(role_permissions.delete().where(role_permissions.c.permission == CONSENTS))
    op.drop_table('required_consents')
    op.drop_table('given_consents')
