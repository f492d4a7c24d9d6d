"""Offers to several programs, and jobs that work on many records or referrals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ID = sa.String(length=32)
_OPEN_WITH_END = sa.text("state = 'open' AND expires_at IS NOT NULL")
_RUNNING = sa.text("finished_at IS NULL")
_OF_AN_OFFER = sa.text("offer_id IS NOT NULL")


def upgrade() -> None:
    _create_offers()
    _create_jobs()
    _create_lines()


def _create_offers() -> None:
    op.create_table(
        "offers",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_key", sa.String(length=64), nullable=False),
        sa.Column("contact_record_id", ID, nullable=False),
        sa.Column("queue_id", ID, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("accepted_referral_id", ID, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_record_id"],
            ["contact_records.id"],
            name=op.f("fk_offers_contact_record_id_contact_records"),
        ),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"], name=op.f("fk_offers_queue_id_queues")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
    )
    op.create_index(op.f("ix_offers_contact_record_id"), "offers", ["contact_record_id"])
    op.create_index(op.f("ix_offers_organisation_id"), "offers", ["organisation_id"])
    op.create_index("ix_offers_newest", "offers", ["organisation_id", "created_at", "id"])
    op.create_index(
        "ix_offers_expiring",
        "offers",
        ["expires_at"],
        sqlite_where=_OPEN_WITH_END,
        postgresql_where=_OPEN_WITH_END,
    )
    op.create_index(
        "ix_referrals_of_offer",
        "referrals",
        ["offer_id"],
        sqlite_where=_OF_AN_OFFER,
        postgresql_where=_OF_AN_OFFER,
    )


def _create_jobs() -> None:
    op.create_table(
        "bulk_jobs",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("wish", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.String(length=64), nullable=False),
        sa.Column("requester_realm", sa.String(length=40), nullable=False),
        sa.Column("is_cancelled", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("organisation_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_jobs")),
    )
    op.create_index(op.f("ix_bulk_jobs_organisation_id"), "bulk_jobs", ["organisation_id"])
    op.create_index("ix_bulk_jobs_newest", "bulk_jobs", ["organisation_id", "created_at", "id"])
    op.create_index(
        "ix_bulk_jobs_running",
        "bulk_jobs",
        ["created_at"],
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )


def _create_lines() -> None:
    op.create_table(
        "bulk_job_lines",
        sa.Column("job_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("field", sa.String(length=64), nullable=True),
        sa.Column("referral_id", ID, nullable=True),
        sa.Column("organisation_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["bulk_jobs.id"], name=op.f("fk_bulk_job_lines_job_id_bulk_jobs")
        ),
        sa.PrimaryKeyConstraint("job_id", "position", name=op.f("pk_bulk_job_lines")),
        sa.UniqueConstraint("job_id", "subject_id", name=op.f("uq_bulk_job_lines_job_id_subject_id")),
    )
    op.create_index(
        op.f("ix_bulk_job_lines_job_id_state_position"), "bulk_job_lines", ["job_id", "state", "position"]
    )
    op.create_index(op.f("ix_bulk_job_lines_organisation_id"), "bulk_job_lines", ["organisation_id"])


def downgrade() -> None:
    op.drop_index("ix_referrals_of_offer", "referrals")
    for table in ("bulk_job_lines", "bulk_jobs", "offers"):
        op.drop_table(table)
