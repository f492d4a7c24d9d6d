"""One command, one transaction: the change, its history, its audit row, its events, the request id with its answer."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from marshmallow import Schema, ValidationError
from sqlalchemy import Insert, event, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import insert_unless_there
from services.chassis.passports import REALM_OF_SYSTEMS, Caller
from services.contracts.declare import Event, Operation
from services.contracts.errors import Refused
from services.contracts.fields import Secret

# In a session's info: rows by the statement that inserts them.
_LEFT_TO_WRITE = "left_to_write"
ANONYMOUS = "anonymous"  # the caller of a public operation who has not signed in
Clock = Callable[[], datetime.datetime]


def utc_now() -> datetime.datetime:
    """The time now, aware, in UTC."""
    return datetime.datetime.now(datetime.UTC)


class UnitOfWork:
    """What a handler works with: the session, who calls, the time, and where facts are written down.

    Audit rows and events are inserted by the commit, each kind in one statement. Do not leave any inside a savepoint:
    its rollback would not take them back.
    """

    def __init__(
        self,
        session: Session,
        tables: Any,
        service: str,
        *,
        caller: Caller | None,
        context: wire.CallContext,
        organisation_id: str | None,
        organisation_key: str | None,
    ) -> None:
        self.session = session
        self.caller = caller
        self.context = context
        self.organisation_id = organisation_id
        self.organisation_key = organisation_key
        self.now = utc_now()
        self.has_events = False
        self._tables = tables
        self._service = service

    def add(self, row: Any) -> Any:
        """Add a row to the transaction and return it."""
        self.session.add(row)
        return row

    @property
    def actor_id(self) -> str:
        """Who acts, as it is noted beside a change: an account, a service, or ANONYMOUS."""
        return self.caller.id if self.caller else ANONYMOUS

    def act_for(self, organisation_id: str, organisation_key: str) -> None:
        """Go on within this organisation: for public operations, which learn it from their request."""
        self.organisation_id, self.organisation_key = organisation_id, organisation_key
        self.session.info["organisation_id"] = organisation_id

    def publish(self, event: Event, subject: str, data: Mapping[str, Any]) -> str:
        """Write an event into the outbox and return its id. `subject` is the id of the aggregate; order is kept per aggregate."""
        organisation_id, organisation_key = self.organisation_id, self.organisation_key
        if event.service != self._service or not organisation_key:
            raise AssertionError(
                f"{self._service} may not publish {event.type} for organisation {organisation_key}"
            )
        payload = event.schema.dump(dict(data))
        try:
            event.schema.load(payload)
        except ValidationError as error:
            raise AssertionError(
                f"{event.type} does not match its schema: {sorted(error.normalized_messages())}"
            ) from None
        event_id = wire.new_id()
        envelope = {
            "specversion": "1.0",
            "id": event_id,
            "source": f"/portico/{self._service}",
            "type": event.type,
            "subject": subject,
            "time": self.now.isoformat(),
            "datacontenttype": wire.JSON,
            "dataschema": f"/schemas/{event.schema_file}",
            "organisation": organisation_id,
            "organisationkey": organisation_key,
            "correlationid": self.context.correlation_id,
            "traceparent": wire.child_traceparent(self.context.traceparent),
            "data": payload,
        }
        row = {
            "event_id": event_id,
            "aggregate": f"{organisation_key}:{subject}",
            "exchange": event.exchange,
            "routing_key": event.routing_key(organisation_key),
            "body": wire.encode(envelope),
            "created_at": self.now,
        }
        self._leave(self._tables.insert_outbox, row)
        self.has_events = True
        return event_id

    def audit(
        self,
        action: str,
        object_type: str,
        object_id: str,
        *,
        audit_id: str | None = None,
        reason_given: str | None = None,
        **facts: Any,
    ) -> None:
        """Write one audit row. `facts` are states and numbers, never texts a person wrote.

        `person_id` among the facts says whose data it is about: that person can see who opened it. `reason_given` is
        the justification of an emergency access, kept apart from the facts. It is sealed into the chain afterwards.
        """
        row = audit_row(
            self.caller,
            self.context,
            (self.organisation_id, self.organisation_key),
            self.now,
            action,
            object_type,
            object_id,
            facts,
            audit_id=audit_id,
            reason_given=reason_given,
        )
        self._leave(self._tables.insert_audit, row)

    def _leave(self, statement: Insert, row: dict[str, Any]) -> None:
        self.session.info.setdefault(_LEFT_TO_WRITE, {}).setdefault(statement, []).append(row)

    def require_version(self, row: Any) -> None:
        """Refuse (412) unless the caller's `If-Match` names the row's current version."""
        expected = self.context.expected_version
        if expected is None:
            raise Refused(
                "version_required", "Send If-Match with the version you have read.", field="If-Match"
            )
        if expected != row.version:
            raise Refused(
                "version_conflict",
                "It was changed meanwhile: read it again.",
                field="If-Match",
                current_version=row.version,
            )


@event.listens_for(Session, "before_commit")
def _write_what_was_left(session: Session) -> None:
    left = session.info.get(_LEFT_TO_WRITE)
    if not left or session.in_nested_transaction():
        return
    session.info[_LEFT_TO_WRITE] = {}
    for statement, rows in left.items():
        session.connection().execute(statement, rows if len(rows) > 1 else rows[0])


def audit_row(
    caller: Caller | None,
    context: wire.CallContext,
    organisation: tuple[str | None, str | None],
    at: datetime.datetime,
    action: str,
    object_type: str,
    object_id: str,
    facts: dict[str, Any],
    *,
    audit_id: str | None = None,
    reason_given: str | None = None,
) -> dict[str, Any]:
    """The columns of an audit row that is not sealed yet (see `UnitOfWork.audit`)."""
    person_id = facts.get("person_id") or (object_id if object_type == "person" else None)
    if caller is not None and caller.is_emergency:
        facts["emergency"] = True
    return {
        "id": audit_id or wire.new_id(),
        "organisation_id": organisation[0],
        "organisation_key": organisation[1],
        "at": at,
        "actor_kind": _kind_of(caller),
        "actor_id": caller.id if caller else ANONYMOUS,
        "action": action,
        "object_type": object_type,
        "object_id": object_id,
        "person_id": person_id,
        "facts": facts,
        "reason": reason_given,
        "correlation_id": context.correlation_id,
    }


class Replay(Exception):
    """This request id was carried out before; `answer` is what it was told."""

    def __init__(self, answer: Any) -> None:
        super().__init__("replay")
        self.answer = answer


def _kind_of(caller: Caller | None) -> str:
    """What the audit trail calls the one who acts."""
    if caller is None:
        return ANONYMOUS
    return "api_client" if caller.realm == REALM_OF_SYSTEMS else caller.kind


def caller_key(caller: Caller | None) -> str:
    """Whose request ids these are: one caller's key says nothing about another's."""
    return f"{caller.kind}:{caller.id}" if caller else ANONYMOUS


def without_secrets(schema: Schema, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments but passwords and tokens: a plain hash of those must not lie in a table for two days."""
    return {
        name: value for name, value in arguments.items() if not isinstance(schema.fields.get(name), Secret)
    }


def fingerprint(arguments: Any) -> str:
    """SHA-256 of the arguments in canonical JSON: tells a repeated request from another one with the same key."""
    return hashlib.sha256(orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)).hexdigest()


def remember(
    session: Session,
    tables: Any,
    operation: Operation,
    caller: Caller | None,
    context: wire.CallContext,
    arguments: Any,
) -> None:
    """Claim the request id in this transaction; `keep_answer` puts the answer beside it.

    Raises Replay when it was carried out before, Refused(idempotency_key_reused) when it stood for something else.
    A second request with the same id waits in PostgreSQL until the first has committed, then finds its answer.
    """
    who = caller_key(caller)
    mark = fingerprint([operation.address, arguments, context.expected_version])
    claim = {
        "caller": who,
        "request_id": context.request_id,
        "operation": operation.name,
        "fingerprint": mark,
        "created_at": utc_now(),
    }
    if insert_unless_there(session, tables.Request.__table__, claim):
        return
    row = session.execute(
        select(tables.Request).where(
            tables.Request.caller == who, tables.Request.request_id == context.request_id
        )
    ).scalar_one()
    if row.fingerprint != mark:
        raise Refused(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request.",
            field="Idempotency-Key",
        )
    if not operation.keeps_answer:
        raise Refused(
            "idempotency_key_reused",
            "This request was carried out; its answer holds a secret and is not kept.",
            field="Idempotency-Key",
        )
    raise Replay(row.answer)


def keep_answer(
    session: Session, tables: Any, caller: Caller | None, context: wire.CallContext, answer: Any
) -> None:
    """Keep what the request id that this transaction has claimed is answered with."""
    row = {"of_caller": caller_key(caller), "of_request": context.request_id, "given": answer}
    session.connection().execute(tables.keep_answer, row)
