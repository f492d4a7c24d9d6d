"""Let an organisation's words be in several languages, keep every version, and note with which a delivery was sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("message_templates") as table:
        table.add_column(sa.Column("language", sa.String(length=35), nullable=False, server_default="en"))
        table.drop_constraint("uq_message_templates_organisation_id_kind", type_="unique")
        table.create_unique_constraint(
            "uq_message_templates_organisation_id_kind_language", ["organisation_id", "kind", "language"]
        )
    with op.batch_alter_table("message_templates") as table:
        table.alter_column("language", server_default=None)
    op.create_table(
        "template_versions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_by", sa.String(length=64), nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_template_versions"),
        sa.UniqueConstraint(
            "organisation_id",
            "kind",
            "language",
            "version",
            name="uq_template_versions_organisation_id_kind_language_version",
        ),
    )
    op.create_index("ix_template_versions_organisation_id", "template_versions", ["organisation_id"])
    # The versions before are not known; the words of now are the first that is kept.
    op.execute(
        "INSERT INTO template_versions "
        "(id, kind, language, version, subject, text, html, saved_at, saved_by, organisation_id) "
        "SELECT id, kind, language, version, subject, text, html, saved_at, NULL, organisation_id FROM message_templates"
    )
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("template", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("template_language", sa.String(length=35), nullable=True))
    op.create_index(
        "ix_deliveries_organisation_id_kind_created_at_id",
        "deliveries",
        ["organisation_id", "kind", "created_at", "id"],
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_organisation_id_kind_created_at_id", "deliveries")
    with op.batch_alter_table("deliveries") as table:
        table.drop_column("template_language")
        table.drop_column("template")
    op.drop_table("template_versions")
    op.execute("DELETE FROM message_templates WHERE language <> 'en'")
    with op.batch_alter_table("message_templates") as table:
        table.drop_constraint("uq_message_templates_organisation_id_kind_language", type_="unique")
        table.create_unique_constraint(
            "uq_message_templates_organisation_id_kind", ["organisation_id", "kind"]
        )
        table.drop_column("language")
