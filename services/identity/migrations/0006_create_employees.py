"""Create employments, applicants, entries of portals, pick-up codes, imports of the HR feed, merges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
KEY = sa.String(length=32)


def upgrade() -> None:
    op.create_table(
        "hr_imports",
        sa.Column("id", KEY, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("counts", JSON_VALUE, nullable=False),
        sa.Column("problems", JSON_VALUE, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("applied_by", sa.String(length=64), nullable=True),
        sa.Column("applied_at", MOMENT, nullable=True),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hr_imports")),
    )
    with op.batch_alter_table("hr_imports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hr_imports_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_hr_imports_state"), ["state"], unique=False)

    op.create_table(
        "person_merges",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kept_id", KEY, nullable=False),
        sa.Column("merged_id", KEY, nullable=False),
        sa.Column("steps", JSON_VALUE, nullable=False),
        sa.Column("merged_by", sa.String(length=64), nullable=False),
        sa.Column("merged_at", MOMENT, nullable=False),
        sa.Column("undone_by", sa.String(length=64), nullable=True),
        sa.Column("undone_at", MOMENT, nullable=True),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_merges")),
    )
    with op.batch_alter_table("person_merges", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_merges_kept_id"), ["kept_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_person_merges_organisation_id"), ["organisation_id"], unique=False
        )
        batch_op.create_index(
            "uq_person_merges_merged_id_open",
            ["merged_id"],
            unique=True,
            sqlite_where=sa.text("undone_at IS NULL"),
            postgresql_where=sa.text("undone_at IS NULL"),
        )

    op.create_table(
        "portal_entries",
        sa.Column("organisation_id", KEY, nullable=False),
        sa.Column("realm", sa.String(length=20), nullable=False),
        sa.Column("allowed_roles", JSON_VALUE, nullable=False),
        sa.Column("editable_fields", JSON_VALUE, nullable=False),
        sa.Column("opens_accounts", sa.Boolean(), nullable=False),
        sa.Column("applicant_department", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "realm", name=op.f("pk_portal_entries")),
    )
    op.create_table(
        "applicants",
        sa.Column("id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("department", sa.String(length=100), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_applicants_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applicants")),
        sa.UniqueConstraint("person_id", name=op.f("uq_applicants_person_id")),
    )
    with op.batch_alter_table("applicants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_applicants_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "employments",
        sa.Column("id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("employee_number", sa.String(length=40), nullable=False),
        sa.Column("department", sa.String(length=100), nullable=True),
        sa.Column("employer", sa.String(length=100), nullable=True),
        sa.Column("manager_number", sa.String(length=40), nullable=True),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_employments_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employments")),
        sa.UniqueConstraint(
            "organisation_id", "employee_number", name=op.f("uq_employments_organisation_id_employee_number")
        ),
        sa.UniqueConstraint("person_id", name=op.f("uq_employments_person_id")),
    )
    with op.batch_alter_table("employments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_employments_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_employments_organisation_id_manager_number"),
            ["organisation_id", "manager_number"],
            unique=False,
        )

    op.create_table(
        "hr_import_lines",
        sa.Column("import_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("employee_number", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("person_id", KEY, nullable=True),
        sa.Column("columns", JSON_VALUE, nullable=False),
        sa.Column("changes", JSON_VALUE, nullable=False),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["hr_imports.id"], name=op.f("fk_hr_import_lines_import_id_hr_imports")
        ),
        sa.PrimaryKeyConstraint("import_id", "position", name=op.f("pk_hr_import_lines")),
    )
    with op.batch_alter_table("hr_import_lines", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_hr_import_lines_organisation_id"), ["organisation_id"], unique=False
        )

    op.create_table(
        "person_preferences",
        sa.Column("id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("security_question", sa.String(length=200), nullable=True),
        sa.Column("preferred_language", sa.String(length=40), nullable=True),
        sa.Column("preferred_time_zone", sa.String(length=60), nullable=True),
        sa.Column("preferred_pharmacy", sa.String(length=200), nullable=True),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_person_preferences_person_id_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_preferences")),
        sa.UniqueConstraint("person_id", name=op.f("uq_person_preferences_person_id")),
    )
    with op.batch_alter_table("person_preferences", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_person_preferences_organisation_id"), ["organisation_id"], unique=False
        )

    op.create_table(
        "pickup_codes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("activated_at", MOMENT, nullable=True),
        sa.Column("void_at", MOMENT, nullable=True),
        sa.Column("account_id", KEY, nullable=True),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_pickup_codes_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_pickup_codes_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pickup_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_pickup_codes_code_hash")),
    )
    with op.batch_alter_table("pickup_codes", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_pickup_codes_organisation_id"), ["organisation_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_pickup_codes_person_id"), ["person_id"], unique=False)


def downgrade() -> None:
    for table in (
        "pickup_codes",
        "person_preferences",
        "hr_import_lines",
        "employments",
        "applicants",
        "portal_entries",
        "person_merges",
        "hr_imports",
    ):
        op.drop_table(table)
