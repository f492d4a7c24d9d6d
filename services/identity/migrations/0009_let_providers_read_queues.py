"""Providers read the ReferralQs of their programs: they decline with a reason and end with an outcome of these."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PERMISSION, ROLE = "queue.read", "provider_portal_user"

roles = sa.table(
    "roles", sa.column("id"), sa.column("organisation_id"), sa.column("realm"), sa.column("code")
)
role_permissions = sa.table(
    "role_permissions", sa.column("organisation_id"), sa.column("role_id"), sa.column("permission")
)


def upgrade() -> None:
    # Roles that organisations have already get what new ones are created with.
    held = sa.select(role_permissions.c.role_id).where(role_permissions.c.permission == PERMISSION)
    op.execute(
        role_permissions.insert().from_select(
            ["organisation_id", "role_id", "permission"],
            sa.select(roles.c.organisation_id, roles.c.id, sa.literal(PERMISSION)).where(
                roles.c.code == ROLE, roles.c.id.not_in(held)
            ),
        )
    )


def downgrade() -> None:
    of_providers = sa.select(roles.c.id).where(roles.c.code == ROLE)
    op.execute(
        role_permissions.delete().where(
            role_permissions.c.permission == PERMISSION, role_permissions.c.role_id.in_(of_providers)
        )
    )
