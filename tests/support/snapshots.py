"""What the databases of a running system hold, to compare it before and after, or to look for a text in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import create_engine, select

from services.chassis.models import base_of
from services.contracts.catalogue import SERVICES
from tests.support.stack import RunningStack

# What requests leave that change nothing, and what goes on by itself: sessions are used, events leave, audit rows are sealed.
OF_THE_MACHINERY = (
    "sessions", "throttles", "requests", "audit", "audit_heads", "audit_checkpoints", "outbox", "inbox", "published_events",
)  # fmt: skip


def rows(portico: RunningStack) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Every row of every service: service, table, values."""
    for service in SERVICES:
        engine = create_engine(portico.stack.database_url(service))
        with engine.connect() as connection:
            for table in base_of(service).metadata.sorted_tables:
                for row in connection.execute(select(table)):
                    yield service, table.name, tuple(row)
        engine.dispose()


def digests(portico: RunningStack) -> dict[str, tuple[int, str]]:
    """How many rows each table has, and a digest of them. Tables of the machinery are left out."""
    found: dict[str, list[str]] = {}
    for service, table, row in rows(portico):
        if table not in OF_THE_MACHINERY:
            found.setdefault(f"{service}.{table}", []).append(repr(row))
    return {
        table: (len(each), hashlib.sha256("\n".join(sorted(each)).encode()).hexdigest())
        for table, each in found.items()
    }
