"""Chain the audit trail; emergency access of a session; who may explain access and who may break the glass."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from services.chassis.migrations import audit_chain

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
# Roles that organisations have already get what new ones are created with.
ADDED = {"access.explain": ("admin",), "access.break_glass": ("standard", "supervisor", "admin")}

roles = sa.table(
    "roles", sa.column("id"), sa.column("organisation_id"), sa.column("realm"), sa.column("code")
)
role_permissions = sa.table(
    "role_permissions", sa.column("organisation_id"), sa.column("role_id"), sa.column("permission")
)


def upgrade() -> None:
    audit_chain.upgrade()
    op.add_column("sessions", sa.Column("emergency", JSON_VALUE))
    for permission, codes in ADDED.items():
        held = sa.select(role_permissions.c.role_id).where(role_permissions.c.permission == permission)
        op.execute(
            role_permissions.insert().from_select(
                ["organisation_id", "role_id", "permission"],
                sa.select(roles.c.organisation_id, roles.c.id, sa.literal(permission)).where(
                    # Roles of the portals have codes of their own, some of the same letters.
                    roles.c.realm == "staff",
                    roles.c.code.in_(codes),
                    roles.c.id.not_in(held),
                ),
            )
        )


def downgrade() -> None:
    op.execute(role_permissions.delete().where(role_permissions.c.permission.in_(list(ADDED))))
    op.drop_column("sessions", "emergency")
    audit_chain.downgrade()
