"""Tables and column types that every service has: outbox, published events, inbox, remembered requests, audit trail."""

from __future__ import annotations

import datetime
import importlib
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    bindparam,
    insert,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# A text that is compared byte by byte on both databases, so that a range in an index finds all texts with one beginning.
BytewiseText = Text().with_variant(Text(collation="C"), "postgresql")
JsonValue = JSON().with_variant(JSONB(), "postgresql")


# In the `info` of a column: the table and column on whose rows its rows hang, where no foreign key says so.
HANGS_ON = "hangs_on"


def hangs_on(place: str) -> dict[str, str]:
    """The `info` of a column whose rows go with those of another table: `hangs_on("published_items.id")`."""
    return {HANGS_ON: place}


class UtcDateTime(TypeDecorator[datetime.datetime]):
    """A point in time, always aware and in UTC. SQLite stores no zone, so it is added again when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Any) -> datetime.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone")
        value = value.astimezone(datetime.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(
        self, value: datetime.datetime | None, _dialect: Any
    ) -> datetime.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)


class TenantScoped:
    """Mixin of rows that belong to one organisation. Sessions of an organisation see and write only its own."""

    organisation_id: Mapped[str] = mapped_column(String(32), index=True)


class OutboxRow:
    """An event on its way out. The row is deleted when the broker has confirmed it."""

    __tablename__ = "outbox"

    @declared_attr.directive
    def __table_args__(self) -> tuple[Index, ...]:
        # Each service's table needs indexes of its own: an index belongs to one table only.
        return (Index(None, "aggregate", "seq"),)

    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    event_id: Mapped[str] = mapped_column(String(32), unique=True)
    aggregate: Mapped[str] = mapped_column(String(128))
    exchange: Mapped[str] = mapped_column(String(80))
    routing_key: Mapped[str] = mapped_column(String(200))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)
    tries: Mapped[int] = mapped_column(Integer, default=0)


class PublishedRow:
    """An event that the broker has confirmed. It is kept for a while, so that it can be published again after a restore."""

    __tablename__ = "published_events"
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    event_id: Mapped[str] = mapped_column(String(32), unique=True)
    aggregate: Mapped[str] = mapped_column(String(128))
    exchange: Mapped[str] = mapped_column(String(80))
    routing_key: Mapped[str] = mapped_column(String(200))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, index=True)


class EventSubjectRow:
    """How many events of a subject there have been, and the `time` of the last, so that neither ever goes backwards."""

    __tablename__ = "event_subjects"
    aggregate: Mapped[str] = mapped_column(String(128), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    time: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class InboxRow:
    """An event that has taken effect here. The row is written in the same transaction as the effect."""

    __tablename__ = "inbox"
    event_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    handler: Mapped[str] = mapped_column(String(100), primary_key=True)
    handled_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, index=True)


class RequestRow:
    """A command that was carried out, with its answer, so that the same request id gets the same answer."""

    __tablename__ = "requests"
    caller: Mapped[str] = mapped_column(String(100), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    operation: Mapped[str] = mapped_column(String(100))
    fingerprint: Mapped[str] = mapped_column(String(64))
    answer: Mapped[Any] = mapped_column(JsonValue, nullable=True)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, index=True)


class AuditRow:
    """One auditable action: who did what to which object, when. Append-only; the database refuses changes.

    `seq`, `previous_hash` and `row_hash` are empty until the row is sealed into its organisation's chain, a moment
    after its commit (see audit_sealing). `reason` is what a person wrote to justify emergency access. It is the only
    free text here, and only the report of such accesses shows it.
    """

    __tablename__ = "audit"

    @declared_attr.directive
    def __table_args__(self) -> tuple[Index, ...]:
        # Each service's table needs indexes of its own: an index belongs to one table only.
        unsealed, about_a_person = text("seq IS NULL"), text("person_id IS NOT NULL")
        return (
            Index(None, "organisation_id", "object_type", "object_id"),
            Index(None, "organisation_id", "at", "id"),
            Index(None, "organisation_id", "seq", unique=True),
            Index(
                "ix_audit_unsealed",
                "organisation_id",
                "at",
                "id",
                sqlite_where=unsealed,
                postgresql_where=unsealed,
            ),
            Index(
                None,
                "organisation_id",
                "person_id",
                "at",
                sqlite_where=about_a_person,
                postgresql_where=about_a_person,
            ),
        )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation_id: Mapped[str | None] = mapped_column(String(32))
    organisation_key: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, index=True)
    actor_kind: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(100))
    object_type: Mapped[str] = mapped_column(String(50))
    object_id: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[str | None] = mapped_column(String(64))
    facts: Mapped[Any] = mapped_column(JsonValue)
    reason: Mapped[str | None] = mapped_column(String(500))
    correlation_id: Mapped[str | None] = mapped_column(String(128))
    seq: Mapped[int | None] = mapped_column(Integer)
    previous_hash: Mapped[str | None] = mapped_column(String(64))
    row_hash: Mapped[str | None] = mapped_column(String(64))


class AuditHeadRow:
    """The end of one organisation's chain: its last row, signed by the service, and the last row with a checkpoint."""

    __tablename__ = "audit_heads"
    chain: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer)
    row_hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    signature: Mapped[str | None] = mapped_column(String(128))
    checkpoint_seq: Mapped[int] = mapped_column(Integer)
    checkpoint_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class AuditCheckpointRow:
    """A signed statement that the chain had `seq` rows and ended with this hash at this time. It is also published."""

    __tablename__ = "audit_checkpoints"
    chain: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    row_hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    signature: Mapped[str] = mapped_column(String(128))


STANDARD_ROWS = (
    OutboxRow,
    PublishedRow,
    EventSubjectRow,
    InboxRow,
    RequestRow,
    AuditRow,
    AuditHeadRow,
    AuditCheckpointRow,
)


class Chassis:
    """The standard tables as mapped classes of one service's metadata, and the statements of every command.

    The statements are built once and executed with plain values, which spares each command the cost of building them
    and of creating objects.
    """

    def __init__(self, base: type[DeclarativeBase]) -> None:
        self.Outbox: Any = type("Outbox", (OutboxRow, base), {})
        self.Published: Any = type("Published", (PublishedRow, base), {})
        self.EventSubject: Any = type("EventSubject", (EventSubjectRow, base), {})
        self.Inbox: Any = type("Inbox", (InboxRow, base), {})
        self.Request: Any = type("Request", (RequestRow, base), {})
        self.Audit: Any = type("Audit", (AuditRow, base), {})
        self.AuditHead: Any = type("AuditHead", (AuditHeadRow, base), {})
        self.AuditCheckpoint: Any = type("AuditCheckpoint", (AuditCheckpointRow, base), {})
        tables = base.metadata.tables
        requests = tables["requests"]
        self.insert_audit = insert(tables["audit"])
        # `inline`: the number that the event gets is not needed, so the database does not return it.
        self.insert_outbox = insert(tables["outbox"]).inline()
        self.keep_answer = (
            update(requests)
            .where(
                requests.c.caller == bindparam("of_caller"),
                requests.c.request_id == bindparam("of_request"),
            )
            .values(answer=bindparam("given", type_=JsonValue))
        )


class ServiceTables:
    """Mixin of a service's declarative base: it adds the standard tables (`Base.chassis`)."""

    chassis: ClassVar[Chassis]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if issubclass(cls, DeclarativeBase) and DeclarativeBase in cls.__bases__:
            cls.chassis = Chassis(cls)


def tables_of_service() -> MetaData:
    """Metadata for a service's base, with our naming of constraints."""
    return MetaData(naming_convention=NAMING)


def base_of(service: str) -> Any:
    """The declarative base of a service. Every `models.py` of its subjects is loaded, so that all tables are known."""
    package = importlib.import_module(f"services.{service}")
    for path in sorted(Path(package.__path__[0]).glob("*/models.py")):
        importlib.import_module(f"{package.__name__}.{path.parent.name}.models")
    return importlib.import_module(f"{package.__name__}.models").Base
