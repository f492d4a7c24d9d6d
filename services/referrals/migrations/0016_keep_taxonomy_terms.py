"""Terms of taxonomies that resources carry, and whether a resource says where it is; filled from the records."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from services.chassis.migrate import add_columns, fill, has_table
from services.contracts.spelling import search_key
from services.referrals.directory.rules import TERM, has_place
from services.referrals.directory.terms import Term, terms_of

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    add_columns("resources", sa.Column("has_place", sa.Boolean(), nullable=False, server_default=sa.false()))
    if not has_table("taxonomy_terms"):
        _create_terms()
    with op.get_context().autocommit_block():
        fill(op.get_bind(), "resources", ("organisation_id", "record"), _resource)


def _create_terms() -> None:
    op.create_table(
        "taxonomy_terms",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("taxonomy", sa.String(length=10), nullable=False),
        sa.Column("code", BYTEWISE, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("search_key", BYTEWISE, nullable=False),
        sa.Column("parent_id", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_taxonomy_terms")),
    )


def _resource(row: sa.Row) -> dict[str, object]:
    record = json.loads(row.record) if isinstance(row.record, str) else row.record
    keys = sa.table("resource_keys", *map(sa.column, ("resource_id", "kind", "key", "organisation_id")))
    own = {"resource_id": row.id, "organisation_id": row.organisation_id, "kind": TERM}
    terms = {term.id: term for term in terms_of(record)}
    op.get_bind().execute(keys.delete().where(keys.c.resource_id == row.id, keys.c.kind == TERM))
    if terms:
        op.get_bind().execute(keys.insert(), [{**own, "key": key} for key in terms])
    for term in terms.values():
        _keep(row.organisation_id, term)
    return {"has_place": has_place(record)}


def _keep(organisation_id: str, term: Term) -> None:
    """Keep the term, with the longest name."""
    names = ("organisation_id", "id", "taxonomy", "code", "name", "search_key", "parent_id")
    terms = sa.table("taxonomy_terms", *map(sa.column, names))
    is_it = sa.and_(terms.c.organisation_id == organisation_id, terms.c.id == term.id)
    known = op.get_bind().scalar(sa.select(terms.c.name).where(is_it))
    named = {"name": term.name, "search_key": search_key(f"{term.code} {term.name}")}
    if known is None:
        fixed = {"id": term.id, "taxonomy": term.taxonomy, "code": term.code, "parent_id": term.parent_id}
        op.get_bind().execute(terms.insert().values(organisation_id=organisation_id, **fixed, **named))
    elif len(term.name) > len(known):
        op.get_bind().execute(terms.update().where(is_it).values(named))


def downgrade() -> None:
    op.execute("DELETE FROM resource_keys WHERE kind = 'term'")
    op.drop_table("taxonomy_terms")
    with op.batch_alter_table("resources") as table:
        table.drop_column("has_place")
