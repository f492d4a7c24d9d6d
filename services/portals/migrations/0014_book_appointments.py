"""Book appointments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "appointment_providers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("type_ids", JSON_VALUE, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_appointment_providers"),
    )
    op.create_index("ix_appointment_providers_organisation_id", "appointment_providers", ["organisation_id"])
    op.create_index(
        "ix_appointment_providers_organisation_id_created_at_id",
        "appointment_providers",
        ["organisation_id", "created_at", "id"],
    )

    op.create_table(
        "appointment_types",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("realms", JSON_VALUE, nullable=False),
        sa.Column("is_shown_to_supervisors", sa.Boolean(), nullable=False),
        sa.Column("preparation", sa.String(length=1000), nullable=True),
        sa.Column("changes_until_hours", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_appointment_types"),
        sa.UniqueConstraint("organisation_id", "code", name="uq_appointment_types_organisation_id_code"),
    )
    op.create_index("ix_appointment_types_organisation_id", "appointment_types", ["organisation_id"])
    op.create_index(
        "ix_appointment_types_organisation_id_created_at_id",
        "appointment_types",
        ["organisation_id", "created_at", "id"],
    )

    op.create_table(
        "appointment_invitations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("first_person_id", sa.String(length=32), nullable=False),
        sa.Column("type_id", sa.String(length=32), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("invited_at", MOMENT, nullable=False),
        sa.Column("appointment_id", sa.String(length=32), nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["type_id"], ["appointment_types.id"], name="fk_appointment_invitations_type_id_appointment_types"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_appointment_invitations"),
    )
    op.create_index(
        "ix_appointment_invitations_appointment_id", "appointment_invitations", ["appointment_id"]
    )
    op.create_index(
        "ix_appointment_invitations_first_person_id", "appointment_invitations", ["first_person_id"]
    )
    op.create_index(
        "ix_appointment_invitations_organisation_id", "appointment_invitations", ["organisation_id"]
    )
    op.create_index(
        "ix_appointment_invitations_person_id_type_id", "appointment_invitations", ["person_id", "type_id"]
    )
    op.create_index(
        "ix_appointment_invitations_type_id_invited_at_id",
        "appointment_invitations",
        ["type_id", "invited_at", "id"],
    )

    op.create_table(
        "schedules",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("hours", JSON_VALUE, nullable=False),
        sa.Column("exceptions", JSON_VALUE, nullable=False),
        sa.Column("holidays", sa.String(length=10), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["appointment_providers.id"],
            name="fk_schedules_provider_id_appointment_providers",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
    )
    op.create_index("ix_schedules_organisation_id", "schedules", ["organisation_id"])
    op.create_index("ix_schedules_provider_id", "schedules", ["provider_id"])

    op.create_table(
        "appointments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_key", sa.String(length=64), nullable=True),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("first_person_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("type_id", sa.String(length=32), nullable=False),
        sa.Column("provider_id", sa.String(length=32), nullable=False),
        sa.Column("schedule_id", sa.String(length=32), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("moves", sa.Integer(), nullable=False),
        sa.Column("booked_at", MOMENT, nullable=False),
        sa.Column("reminds_at", MOMENT, nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["appointment_providers.id"],
            name="fk_appointments_provider_id_appointment_providers",
        ),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name="fk_appointments_schedule_id_schedules"
        ),
        sa.ForeignKeyConstraint(
            ["type_id"], ["appointment_types.id"], name="fk_appointments_type_id_appointment_types"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_appointments"),
    )
    op.create_index("ix_appointments_first_person_id", "appointments", ["first_person_id"])
    op.create_index("ix_appointments_organisation_id", "appointments", ["organisation_id"])
    op.create_index(
        "ix_appointments_organisation_id_on_starts_at_id",
        "appointments",
        ["organisation_id", "on", "starts_at", "id"],
    )
    op.create_index(
        "ix_appointments_person_id_starts_at_id", "appointments", ["person_id", "starts_at", "id"]
    )
    op.create_index("ix_appointments_provider_id_starts_at", "appointments", ["provider_id", "starts_at"])
    op.create_index("ix_appointments_reminds_at", "appointments", ["reminds_at"])
    op.create_index("ix_appointments_schedule_id", "appointments", ["schedule_id"])
    op.create_index("ix_appointments_type_id", "appointments", ["type_id"])

    op.create_table(
        "taken_times",
        sa.Column("provider_id", sa.String(length=32), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("appointment_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointments.id"], name="fk_taken_times_appointment_id_appointments"
        ),
        sa.PrimaryKeyConstraint("provider_id", "at", name="pk_taken_times"),
    )
    op.create_index("ix_taken_times_appointment_id", "taken_times", ["appointment_id"])
    op.create_index("ix_taken_times_organisation_id", "taken_times", ["organisation_id"])


def downgrade() -> None:
    op.drop_table("taken_times")
    op.drop_table("appointments")
    op.drop_table("schedules")
    op.drop_table("appointment_invitations")
    op.drop_table("appointment_types")
    op.drop_table("appointment_providers")
