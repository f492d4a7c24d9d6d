"""Alembic's environment for all services. The caller provides the tables and the database connection."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from services.chassis.migrate import is_declared
from services.chassis.models import JsonValue, UtcDateTime



def _rendered(kind: str, thing: Any, autogenerate: Any) -> str | Literal[False]:
    """Our column types as plain SQLAlchemy types, so that a migration does not change when our code does."""
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
    # Each migration is one transaction, on SQLite, too; where it says so, it commits in between.
    transaction_per_migration=True,
    transactional_ddl=True,
    render_item=_rendered,
    include_name=is_declared,
)
with context.begin_transaction():
    context.run_migrations()
