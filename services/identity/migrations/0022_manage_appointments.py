"""Staff who work with people may manage appointments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

APPOINTMENTS, LEVELS, STAFF = "appointment.manage", ("standard", "supervisor", "admin"), "staff"

roles = sa.table(
    "roles", sa.column("id"), sa.column("organisation_id"), sa.column("code"), sa.column("realm")
)
role_permissions = sa.table(
    "role_permissions", sa.column("organisation_id"), sa.column("role_id"), sa.column("permission")
)


def upgrade() -> None:
    # What organisations have already gets what new ones are created with.
    held = sa.select(role_permissions.c.role_id).where(role_permissions.c.permission == APPOINTMENTS)
    op.execute(
        role_permissions.insert().from_select(
            ["organisation_id", "role_id", "permission"],
            sa.select(roles.c.organisation_id, roles.c.id, sa.literal(APPOINTMENTS)).where(
                roles.c.code.in_(LEVELS), roles.c.realm == STAFF, roles.c.id.not_in(held)
            ),
        )
    )


def downgrade() -> None:
    op.execute(role_permissions.delete().where(role_permissions.c.permission == APPOINTMENTS))
