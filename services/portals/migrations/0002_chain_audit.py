"""Chain the audit trail: sequence, hashes, heads, checkpoints."""

from __future__ import annotations

from services.chassis.migrations import audit_chain

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    audit_chain.upgrade()


def downgrade() -> None:
    audit_chain.downgrade()
