"""Keep every version of a portal's configuration, with a draft, and the images of portals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    _create_versions()
    _copy_to_versions()
    op.drop_table("portal_configurations")
    _create_images()
    with op.batch_alter_table("portals") as table:
        table.add_column(sa.Column("needs_approval", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("portals") as table:
        table.alter_column("needs_approval", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("portals") as table:
        table.drop_column("needs_approval")
    op.drop_table("portal_images")
    _create_configurations()
    _copy_to_configurations()
    op.drop_table("portal_versions")


def _create_versions() -> None:
    op.create_table(
        "portal_versions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("portal", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", JSON_VALUE, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("editors", JSON_VALUE, nullable=False),
        sa.Column("changed_by", sa.String(length=32), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("published_at", MOMENT, nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_portal_versions"),
        sa.UniqueConstraint(
            "organisation_id", "portal", "number", name="uq_portal_versions_organisation_id_portal_number"
        ),
    )
    op.create_index("ix_portal_versions_organisation_id", "portal_versions", ["organisation_id"])


def _create_images() -> None:
    op.create_table(
        "portal_images",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("portal", sa.String(length=40), nullable=False),
        sa.Column("place", sa.String(length=20), nullable=False),
        sa.Column("alias", sa.String(length=80), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=20), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("is_stock", sa.Boolean(), nullable=False),
        sa.Column("uploaded_at", MOMENT, nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_portal_images"),
    )
    op.create_index("ix_portal_images_organisation_id", "portal_images", ["organisation_id"])
    op.create_index("ix_portal_images_organisation_id_portal", "portal_images", ["organisation_id", "portal"])
    op.create_index("ix_portal_images_sha256", "portal_images", ["sha256"])


def _create_configurations() -> None:
    op.create_table(
        "portal_configurations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("portal", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("colour", sa.String(length=7), nullable=False),
        sa.Column("ticker", JSON_VALUE, nullable=False),
        sa.Column("content", JSON_VALUE, nullable=False),
        sa.Column("configured_at", MOMENT, nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_portal_configurations"),
        sa.UniqueConstraint(
            "organisation_id", "portal", name="uq_portal_configurations_organisation_id_portal"
        ),
    )
    op.create_index(
        "ix_portal_configurations_organisation_id", "portal_configurations", ["organisation_id"]
    )


def _columns(table: str, *names: str) -> sa.TableClause:
    typed = {"ticker": JSON_VALUE, "content": JSON_VALUE, "document": JSON_VALUE, "editors": JSON_VALUE}
    typed |= {"configured_at": MOMENT, "changed_at": MOMENT, "published_at": MOMENT}
    return sa.table(table, *(sa.column(name, typed.get(name)) for name in names))


_OLD = ("id", "organisation_id", "portal", "version", "name", "colour", "ticker", "content", "configured_at")
_NEW = (
    "id",
    "organisation_id",
    "portal",
    "number",
    "document",
    "version",
    "editors",
    "changed_by",
    "changed_at",
    "published_at",
)


def _copy_to_versions() -> None:
    connection, new = op.get_bind(), _columns("portal_versions", *_NEW)
    for row in connection.execute(sa.select(_columns("portal_configurations", *_OLD))).all():
        messages = [{"text": text, "from_at": None, "until_at": None} for text in row.ticker]
        document = {**row.content, "name": row.name, "colour": row.colour, "ticker": messages}
        connection.execute(
            new.insert().values(
                id=row.id,
                organisation_id=row.organisation_id,
                portal=row.portal,
                number=row.version,
                document=document,
                version=row.version,
                editors=[],
                changed_by="0" * 32,  # nobody knows any more who it was; the audit trail does
                changed_at=row.configured_at,
                published_at=row.configured_at,
            )
        )


def _copy_to_configurations() -> None:
    """Keep the newest version of each portal. Texts that are in several languages keep the first."""
    connection, old = op.get_bind(), _columns("portal_configurations", *_OLD)
    rows = connection.execute(sa.select(_columns("portal_versions", *_NEW))).all()
    newest = {(row.organisation_id, row.portal): row for row in sorted(rows, key=_number) if row.number}
    for row in newest.values():
        document = dict(row.document)
        name = document.pop("name", "Portal")
        connection.execute(
            old.insert().values(
                id=row.id,
                organisation_id=row.organisation_id,
                portal=row.portal,
                version=row.number,
                name=_plain(name),
                colour=document.pop("colour", "#1a5fb4"),
                ticker=[_plain(message["text"]) for message in document.pop("ticker", [])],
                content=document,
                configured_at=row.changed_at,
            )
        )


def _number(row: sa.Row[tuple[int, ...]]) -> int:
    return int(row.number)


def _plain(text: str | dict[str, str]) -> str:
    return text if isinstance(text, str) else next(iter(text.values()))
