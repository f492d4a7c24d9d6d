"""Words and private places among the keys of resources, the members that a schedule states, and what exports show too much.

Schedules that there are keep all that they say.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from services.chassis.migrate import add_columns, fill
from services.referrals.directory.rules import WITHHELD, WORD, has_place, keys_of
from services.referrals.directory.withheld import as_withheld, place_of

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KINDS = (WORD, WITHHELD)


def upgrade() -> None:
    named = sa.Column("named", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True)
    add_columns("capacity_terms", named)
    counted = {"nullable": False, "server_default": "0"}
    add_columns("directory_revisions", sa.Column("withheld_at", sa.Integer(), **counted))
    add_columns("directory_exports", sa.Column("revision", sa.Integer(), **counted))
    with op.get_context().autocommit_block():
        fill(op.get_bind(), "resources", ("organisation_id", "number", "record"), _keys)
        fill(op.get_bind(), "resources", ("organisation_id", "agency_id", "number", "record"), _withheld)


def _keys(row: sa.Row) -> None:
    record = {**_record(row), "number": row.number}
    _write(row, [pair for pair in keys_of(record) if pair[0] in KINDS], KINDS)


def _withheld(row: sa.Row) -> dict[str, object] | None:
    """Withhold what the resource's agency, or another of its resources, marks as private."""
    record, agency_id = _record(row), row.agency_id or row.id
    resources = sa.table("resources", *map(sa.column, ("id", "agency_id")))
    keys = sa.table("resource_keys", *map(sa.column, ("resource_id", "kind", "key")))
    found = (
        sa.select(keys.c.key)
        .join(resources, resources.c.id == keys.c.resource_id)
        .where(keys.c.kind == WITHHELD, sa.or_(resources.c.id == agency_id, resources.c.agency_id == agency_id))
    )
    places = [place_of(key) for key in op.get_bind().scalars(found)]
    after = as_withheld(record, places)
    if after == record:
        return None
    pairs = keys_of({**after, "number": row.number})
    _write(row, pairs, ())
    # Exports from before show the place.
    revisions = sa.table("directory_revisions", *map(sa.column, ("organisation_id", "withheld_at")))
    own = revisions.c.organisation_id == row.organisation_id
    op.get_bind().execute(revisions.update().where(own).values(withheld_at=1))
    text = json.dumps(after, ensure_ascii=False)
    is_text = isinstance(row.record, str)
    return {
        "has_place": has_place(after),
        "record": text if is_text else sa.cast(sa.literal(text, sa.Text()), postgresql.JSONB),
    }


def _record(row: sa.Row) -> dict:
    return json.loads(row.record) if isinstance(row.record, str) else row.record


def _write(row: sa.Row, pairs: list[tuple[str, str]], kinds: tuple[str, ...]) -> None:
    """Write these keys of a resource instead of those of the kinds, or instead of all."""
    keys = sa.table("resource_keys", *map(sa.column, ("resource_id", "kind", "key", "organisation_id")))
    which = [keys.c.kind.in_(kinds)] if kinds else []
    op.get_bind().execute(keys.delete().where(keys.c.resource_id == row.id, *which))
    own = {"resource_id": row.id, "organisation_id": row.organisation_id}
    if pairs:
        op.get_bind().execute(keys.insert(), [{**own, "kind": kind, "key": key} for kind, key in pairs])


def downgrade() -> None:
    op.execute("DELETE FROM resource_keys WHERE kind IN ('word', 'withheld', 'sheltered')")
    op.drop_column("directory_exports", "revision")
    op.drop_column("directory_revisions", "withheld_at")
    op.drop_column("capacity_terms", "named")
