"""Writing a note is a permission of its own: providers have it, and everybody who may change a referral's status."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NOTE, CHANGE_STATUS, OF_PROVIDERS = "referral.note", "referral.change_status", "provider_portal_user"

roles = sa.table("roles", sa.column("id"), sa.column("organisation_id"), sa.column("code"))
role_permissions = sa.table(
    "role_permissions", sa.column("organisation_id"), sa.column("role_id"), sa.column("permission")
)
api_clients = sa.table("api_clients", sa.column("id"), sa.column("scopes", sa.JSON()))


def upgrade() -> None:
    # What organisations have already gets what new ones are created with.
    held = sa.select(role_permissions.c.role_id).where(role_permissions.c.permission == NOTE)
    may_change = sa.select(role_permissions.c.role_id).where(role_permissions.c.permission == CHANGE_STATUS)
    op.execute(
        role_permissions.insert().from_select(
            ["organisation_id", "role_id", "permission"],
            sa.select(roles.c.organisation_id, roles.c.id, sa.literal(NOTE)).where(
                sa.or_(roles.c.code == OF_PROVIDERS, roles.c.id.in_(may_change)), roles.c.id.not_in(held)
            ),
        )
    )
    _change_scopes(lambda scopes: [*scopes, NOTE] if CHANGE_STATUS in scopes else scopes)


def downgrade() -> None:
    op.execute(role_permissions.delete().where(role_permissions.c.permission == NOTE))
    _change_scopes(lambda scopes: [scope for scope in scopes if scope != NOTE])


def _change_scopes(change: Callable[[list[str]], list[str]]) -> None:
    connection = op.get_bind()
    for client_id, scopes in connection.execute(sa.select(api_clients.c.id, api_clients.c.scopes)).all():
        wanted = sorted(change(scopes))
        if wanted != scopes:
            connection.execute(
                api_clients.update().where(api_clients.c.id == client_id).values(scopes=wanted)
            )
