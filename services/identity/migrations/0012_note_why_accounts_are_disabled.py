"""Note on an account why it is disabled, where that follows from something else such as the end of an employment.

Accounts of employees who have left were only signed out until now. They are disabled here.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("disabled_for", sa.String(20)))
    op.execute(
        """
        UPDATE accounts SET state = 'disabled', disabled_for = 'employment_ended', version = version + 1
        WHERE realm = 'employee' AND state <> 'disabled'
          AND EXISTS (SELECT 1 FROM employments
                      WHERE employments.person_id = accounts.person_id AND employments.ended_at IS NOT NULL
                        AND NOT EXISTS (SELECT 1 FROM person_kinds
                                        WHERE person_kinds.person_id = accounts.person_id
                                          AND person_kinds.kind = 'employee'
                                          AND (person_kinds.ends_at IS NULL
                                               OR person_kinds.ends_at > employments.ended_at)))
        """
    )


def downgrade() -> None:
    op.drop_column("accounts", "disabled_for")
