"""Alembic's environment, one for all services: which tables and which database come from the caller."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from services.chassis.models import JsonValue, UtcDateTime



def _rendered(kind: str, thing: Any, autogenerate: Any) -> str | Literal[False]:
    """Our own column types as what they are in a database: a migration must not change when our code does."""
    if kind != "type":
        return False
    if isinstance(thing, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if thing is JsonValue:
        autogenerate.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


configuration = context.config
connection = configuration.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=configuration.attributes["metadata"],
    # SQLite cannot alter a table in place: Alembic copies it.
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    render_item=_rendered,
)
with context.begin_transaction():
    context.run_migrations()
