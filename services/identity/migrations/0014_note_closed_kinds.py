"""Note when the access that rests on a kind of a person was ended.

Whom staff have discharged is noted as done. A client or patient whom the clock has discharged and whose profile is still
granted to somebody is left to the service, which ends that access.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.models import UtcDateTime
from services.chassis.unit_of_work import utc_now

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NOT_CLOSED = sa.text("ends_at IS NOT NULL AND closed_at IS NULL")


def upgrade() -> None:
    op.add_column("person_kinds", sa.Column("closed_at", UtcDateTime()))
    op.execute(
        sa.text(
            """
            UPDATE person_kinds SET closed_at = ends_at
            WHERE ends_at <= :now
              AND NOT (kind IN ('client', 'patient')
                       AND EXISTS (SELECT 1 FROM grants
                                   WHERE grants.person_id = person_kinds.person_id AND grants.revoked_at IS NULL))
            """
        ).bindparams(sa.bindparam("now", utc_now(), UtcDateTime()))
    )
    op.create_index(
        "ix_person_kinds_ends_at_not_closed",
        "person_kinds",
        ["ends_at"],
        sqlite_where=NOT_CLOSED,
        postgresql_where=NOT_CLOSED,
    )


def downgrade() -> None:
    op.drop_index("ix_person_kinds_ends_at_not_closed", "person_kinds")
    op.drop_column("person_kinds", "closed_at")
