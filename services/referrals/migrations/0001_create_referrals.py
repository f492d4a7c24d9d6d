"""Create the tables of the referrals service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# JSONB in PostgreSQL can be searched; SQLite keeps JSON as text.
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=100), nullable=False),
        sa.Column("object_type", sa.String(length=50), nullable=False),
        sa.Column("object_id", sa.String(length=64), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("correlation_id", sa.String(length=128), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_index(
        op.f("ix_audit_organisation_id_object_type_object_id"),
        "audit",
        ["organisation_id", "object_type", "object_id"],
        unique=False,
    )

    op.create_table(
        "contact_record_counters",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_contact_record_counters")),
    )
    op.create_table(
        "contact_records",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("first_name", sa.String(length=100), nullable=True),
        sa.Column("last_name", sa.String(length=100), nullable=True),
        sa.Column("postal_code", sa.String(length=20), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("sections", JSON, nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_records")),
        sa.UniqueConstraint(
            "organisation_id", "number", name=op.f("uq_contact_records_organisation_id_number")
        ),
    )
    op.create_index(
        op.f("ix_contact_records_organisation_id"), "contact_records", ["organisation_id"], unique=False
    )

    op.create_table(
        "inbox",
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("handler", sa.String(length=100), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "handler", name=op.f("pk_inbox")),
    )
    op.create_index(op.f("ix_inbox_handled_at"), "inbox", ["handled_at"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("aggregate", sa.String(length=128), nullable=False),
        sa.Column("exchange", sa.String(length=80), nullable=False),
        sa.Column("routing_key", sa.String(length=200), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        sa.UniqueConstraint("event_id", name=op.f("uq_outbox_event_id")),
    )
    op.create_index(op.f("ix_outbox_aggregate_seq"), "outbox", ["aggregate", "seq"], unique=False)
    op.create_index(op.f("ix_outbox_claimed_until"), "outbox", ["claimed_until"], unique=False)

    op.create_table(
        "queues",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("name_key", sa.String(length=400), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queues")),
        sa.UniqueConstraint("organisation_id", "name_key", name=op.f("uq_queues_organisation_id_name_key")),
    )
    op.create_index(op.f("ix_queues_organisation_id"), "queues", ["organisation_id"], unique=False)

    op.create_table(
        "requests",
        sa.Column("caller", sa.String(length=100), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=False),
        sa.Column("operation", sa.String(length=100), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("answer", JSON, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caller", "request_id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_created_at"), "requests", ["created_at"], unique=False)

    op.create_table(
        "resources",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("search_key", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("agency_id", sa.String(length=32), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("temporary_message", JSON, nullable=False),
        sa.Column("record", JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["resources.id"], name=op.f("fk_resources_agency_id_resources")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resources")),
        sa.UniqueConstraint("organisation_id", "number", name=op.f("uq_resources_organisation_id_number")),
    )
    op.create_index(op.f("ix_resources_organisation_id"), "resources", ["organisation_id"], unique=False)
    op.create_index(
        op.f("ix_resources_organisation_id_agency_id"),
        "resources",
        ["organisation_id", "agency_id"],
        unique=False,
    )

    op.create_table(
        "capacities",
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.CheckConstraint("used >= 0 AND used <= total", name=op.f("ck_capacities_used_within_total")),
        sa.ForeignKeyConstraint(
            ["program_id"], ["resources.id"], name=op.f("fk_capacities_program_id_resources")
        ),
        sa.PrimaryKeyConstraint("program_id", name=op.f("pk_capacities")),
    )
    op.create_index(op.f("ix_capacities_organisation_id"), "capacities", ["organisation_id"], unique=False)

    op.create_table(
        "queue_programs",
        sa.Column("queue_id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id"], ["resources.id"], name=op.f("fk_queue_programs_program_id_resources")
        ),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"], name=op.f("fk_queue_programs_queue_id_queues")),
        sa.PrimaryKeyConstraint("queue_id", "program_id", name=op.f("pk_queue_programs")),
    )
    op.create_index(
        op.f("ix_queue_programs_organisation_id"), "queue_programs", ["organisation_id"], unique=False
    )
    op.create_index(
        op.f("ix_queue_programs_organisation_id_program_id"),
        "queue_programs",
        ["organisation_id", "program_id"],
        unique=False,
    )

    op.create_table(
        "queue_statuses",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("queue_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_terminal", sa.Boolean(), nullable=False),
        sa.Column("fhir_status", sa.String(length=20), nullable=False),
        sa.Column("reason_required", sa.Boolean(), nullable=False),
        sa.Column("outcome_required", sa.Boolean(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"], name=op.f("fk_queue_statuses_queue_id_queues")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_statuses")),
        sa.UniqueConstraint("queue_id", "key", name=op.f("uq_queue_statuses_queue_id_key")),
        sa.UniqueConstraint("queue_id", "position", name=op.f("uq_queue_statuses_queue_id_position")),
    )
    op.create_index(
        op.f("ix_queue_statuses_organisation_id"), "queue_statuses", ["organisation_id"], unique=False
    )

    op.create_table(
        "referrals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("contact_record_id", sa.String(length=32), nullable=False),
        sa.Column("queue_id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("is_terminal", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("holds_capacity", sa.Boolean(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_record_id"],
            ["contact_records.id"],
            name=op.f("fk_referrals_contact_record_id_contact_records"),
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["resources.id"], name=op.f("fk_referrals_program_id_resources")
        ),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"], name=op.f("fk_referrals_queue_id_queues")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
    )
    op.create_index(op.f("ix_referrals_contact_record_id"), "referrals", ["contact_record_id"], unique=False)
    op.create_index(
        "ix_referrals_newest", "referrals", ["organisation_id", "assigned_at", "id"], unique=False
    )
    op.create_index(
        "ix_referrals_of_program",
        "referrals",
        ["organisation_id", "program_id", "assigned_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_referrals_organisation_id"), "referrals", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_referrals_queue_id"), "referrals", ["queue_id"], unique=False)
    op.create_index(
        "uq_referrals_open",
        "referrals",
        ["contact_record_id", "queue_id", "program_id"],
        unique=True,
        sqlite_where=sa.text("NOT is_terminal"),
        postgresql_where=sa.text("NOT is_terminal"),
    )

    op.create_table(
        "referral_status_changes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("referral_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_key", sa.String(length=64), nullable=True),
        sa.Column("from_label", sa.String(length=40), nullable=True),
        sa.Column("to_key", sa.String(length=64), nullable=False),
        sa.Column("to_label", sa.String(length=40), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referrals.id"], name=op.f("fk_referral_status_changes_referral_id_referrals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_status_changes")),
        sa.UniqueConstraint(
            "referral_id", "position", name=op.f("uq_referral_status_changes_referral_id_position")
        ),
    )
    op.create_index(
        op.f("ix_referral_status_changes_organisation_id"),
        "referral_status_changes",
        ["organisation_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("referral_status_changes")
    op.drop_table("referrals")
    op.drop_table("queue_statuses")
    op.drop_table("queue_programs")
    op.drop_table("capacities")
    op.drop_table("resources")
    op.drop_table("requests")
    op.drop_table("queues")
    op.drop_table("outbox")
    op.drop_table("inbox")
    op.drop_table("contact_records")
    op.drop_table("contact_record_counters")
    op.drop_table("audit")
