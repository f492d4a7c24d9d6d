"""The audit trail's chain, which a migration of each service creates: columns, heads, checkpoints, refusal of changes.

Do not change this module: revisions call it, and must keep the effect they had. A change needs a new revision.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

MOMENT = sa.DateTime(timezone=True)
HASH = sa.String(length=64)
CONTENT = (
    "id",
    "organisation_id",
    "organisation_key",
    "at",
    "actor_kind",
    "actor_id",
    "action",
    "object_type",
    "object_id",
    "person_id",
    "facts",
    "reason",
    "correlation_id",
)
COLUMNS = {
    "organisation_key": sa.String(length=64),
    "person_id": sa.String(length=64),
    "reason": sa.String(length=500),
    "seq": sa.Integer(),
    "previous_hash": HASH,
    "row_hash": HASH,
}
REFUSAL = "the audit trail is append-only"


def upgrade() -> None:
    """Add the chain. The service seals existing rows after its next start, oldest first."""
    for name, kind in COLUMNS.items():
        op.add_column("audit", sa.Column(name, kind))
    unsealed, about_a_person = sa.text("seq IS NULL"), sa.text("person_id IS NOT NULL")
    op.create_index(op.f("ix_audit_organisation_id_at_id"), "audit", ["organisation_id", "at", "id"])
    op.create_index(op.f("ix_audit_organisation_id_seq"), "audit", ["organisation_id", "seq"], unique=True)
    op.create_index(
        "ix_audit_unsealed",
        "audit",
        ["organisation_id", "at", "id"],
        sqlite_where=unsealed,
        postgresql_where=unsealed,
    )
    op.create_index(
        op.f("ix_audit_organisation_id_person_id_at"),
        "audit",
        ["organisation_id", "person_id", "at"],
        sqlite_where=about_a_person,
        postgresql_where=about_a_person,
    )
    op.create_table(
        "audit_heads",
        sa.Column("chain", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("row_hash", HASH, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("signature", sa.String(length=128)),
        sa.Column("checkpoint_seq", sa.Integer(), nullable=False),
        sa.Column("checkpoint_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("chain", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("row_hash", HASH, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("chain", "seq", name=op.f("pk_audit_checkpoints")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _refuse_changes_in_postgresql()
    else:
        _refuse_changes_in_sqlite()


def downgrade() -> None:
    """Remove the chain. The audit rows stay."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse() CASCADE")
        op.execute("DROP FUNCTION audit_checkpoints_refuse() CASCADE")
    else:
        for trigger in ("audit_content", "audit_sealed", "audit_delete"):
            op.execute(f"DROP TRIGGER {trigger}")
        for trigger in ("audit_checkpoints_update", "audit_checkpoints_delete"):
            op.execute(f"DROP TRIGGER {trigger}")
    op.drop_table("audit_checkpoints")
    op.drop_table("audit_heads")
    for index in (
        "ix_audit_organisation_id_person_id_at",
        "ix_audit_unsealed",
        "ix_audit_organisation_id_seq",
        "ix_audit_organisation_id_at_id",
    ):
        op.drop_index(index, "audit")
    for name in COLUMNS:
        op.drop_column("audit", name)


def _refuse_changes_in_sqlite() -> None:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    op.execute(f"CREATE TRIGGER audit_content BEFORE UPDATE OF {', '.join(CONTENT)} ON audit {refuse}")
    op.execute(f"CREATE TRIGGER audit_sealed BEFORE UPDATE ON audit WHEN OLD.seq IS NOT NULL {refuse}")
    op.execute(f"CREATE TRIGGER audit_delete BEFORE DELETE ON audit {refuse}")
    op.execute(f"CREATE TRIGGER audit_checkpoints_update BEFORE UPDATE ON audit_checkpoints {refuse}")
    op.execute(f"CREATE TRIGGER audit_checkpoints_delete BEFORE DELETE ON audit_checkpoints {refuse}")


def _refuse_changes_in_postgresql() -> None:
    for table in ("audit", "audit_checkpoints"):
        op.execute(
            f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION {table}_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_refuse()"
        )
    op.execute(
        f"CREATE TRIGGER audit_content BEFORE UPDATE OF {', '.join(CONTENT)} ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
    )
    op.execute(
        "CREATE TRIGGER audit_sealed BEFORE UPDATE ON audit "
        "FOR EACH ROW WHEN (OLD.seq IS NOT NULL) EXECUTE FUNCTION audit_refuse()"
    )
    op.execute(
        "CREATE TRIGGER audit_checkpoints_update BEFORE UPDATE ON audit_checkpoints "
        "FOR EACH ROW EXECUTE FUNCTION audit_checkpoints_refuse()"
    )
