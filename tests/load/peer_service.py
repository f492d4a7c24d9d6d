"""The peer that Portico is measured against: a stock nameko service with SQLAlchemy, one commit and one event a write.

No sign-in, no audit, no outbox. `nameko run tests.load.peer_service`; PEER_DATABASE names the SQLite file.
"""

from __future__ import annotations

import os
from typing import Any

import sqlalchemy
from marshmallow import Schema, fields
from nameko.events import EventDispatcher
from nameko.rpc import rpc
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    """Tables of the peer."""


class Record(Base):
    """What a contact record is to Portico, in its shortest form."""

    __tablename__ = "records"
    id: Mapped[int] = mapped_column(primary_key=True)
    first_name: Mapped[str]
    last_name: Mapped[str]


class RecordSchema(Schema):
    """A record as JSON."""

    id = fields.Integer()
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)


def _engine(path: str) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")

    @sqlalchemy.event.listens_for(engine, "connect")
    def _as_durable_as_portico(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    Base.metadata.create_all(engine)
    return engine


ENGINE = _engine(os.environ["PEER_DATABASE"])


class PeerService:
    """A command and a question."""

    name = "peer"
    dispatch = EventDispatcher()

    @rpc
    def create_record(self, record: dict[str, Any]) -> Any:
        """Insert, commit, tell."""
        with Session(ENGINE) as session:
            row = Record(**RecordSchema().load(record))
            session.add(row)
            session.commit()
            answer = RecordSchema().dump(row)
        self.dispatch("record_created", {"id": answer["id"]})
        return answer

    @rpc
    def get_record(self, record_id: int) -> Any:
        """Read."""
        with Session(ENGINE) as session:
            return RecordSchema().dump(session.get(Record, record_id))
