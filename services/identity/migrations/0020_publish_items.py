"""Staff who send documents may publish items to portals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

PUBLISH, LEVELS, STAFF = "published_item.publish", ("standard", "supervisor", "admin"), "staff"

roles = sa.table(
    "roles", sa.column("id"), sa.column("organisation_id"), sa.column("code"), sa.column("realm")
)
role_permissions = sa.table(
    "role_permissions", sa.column("organisation_id"), sa.column("role_id"), sa.column("permission")
)


def upgrade() -> None:
    # What organisations have already gets what new ones are created with.
    held = sa.select(role_permissions.c.role_id).where(role_permissions.c.permission == PUBLISH)
    op.execute(
        role_permissions.insert().from_select(
            ["organisation_id", "role_id", "permission"],
            sa.select(roles.c.organisation_id, roles.c.id, sa.literal(PUBLISH)).where(
                roles.c.code.in_(LEVELS), roles.c.realm == STAFF, roles.c.id.not_in(held)
            ),
        )
    )


def downgrade() -> None:
    op.execute(role_permissions.delete().where(role_permissions.c.permission == PUBLISH))
