"""Create patients' records, settings, notices and jobs; indexes on people's names and e-mails."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KEY = sa.String(length=32)
TABLES = ("patient_job_items", "patient_jobs", "patient_records", "patient_settings", "unverified_notices")


def upgrade() -> None:
    _create(
        "patient_records",
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("manual_credentials_set_at", MOMENT, nullable=True),
        key=("person_id",),
        refers={"person_id": "people"},
    )
    op.create_table(
        "patient_settings",
        sa.Column("organisation_id", KEY, nullable=False),
        sa.Column("enables_automatically", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_patient_settings")),
    )
    _create(
        "unverified_notices",
        sa.Column("id", KEY, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("taken_at", MOMENT, nullable=True),
        indexes=("expires_at",),
    )
    _create(
        "patient_jobs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("requested_by", KEY, nullable=False),
        sa.Column("is_attested", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        indexes=("finished_at",),
    )
    _create(
        "patient_job_items",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("field", sa.String(length=64), nullable=True),
        key=("job_id", "person_id"),
        refers={"job_id": "patient_jobs"},
    )
    op.create_index("ix_patient_job_items_job_id_state", "patient_job_items", ["job_id", "state"])
    op.create_index(
        "ix_people_organisation_id_name",
        "people",
        ["organisation_id", sa.text("lower(last_name)"), sa.text("coalesce(lower(first_name), '')"), "id"],
    )
    op.create_index("ix_people_organisation_id_email", "people", ["organisation_id", sa.text("lower(email)")])


def _create(
    table: str,
    *columns: Any,
    key: tuple[str, ...] = ("id",),
    refers: dict[str, str] | None = None,
    indexes: tuple[str, ...] = (),
) -> None:
    op.create_table(
        table,
        *columns,
        sa.Column("organisation_id", KEY, nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [f"{other}.id"],
                name=op.f(f"fk_{table}_{column}_{other}"),
            )
            for column, other in (refers or {}).items()
        ),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
    )
    for column in ("organisation_id", *indexes):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    """Without the patients' portal: links that confirm an address are deleted, the accounts stay."""
    op.drop_index("ix_people_organisation_id_email", "people")
    op.drop_index("ix_people_organisation_id_name", "people")
    for table in TABLES:
        op.drop_table(table)
    for table in ("credential_links", "invitations"):
        op.execute(f"DELETE FROM {table} WHERE purpose = 'verify_email'")  # noqa: S608
