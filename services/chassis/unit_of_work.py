"""One command, one transaction: the change, its history, its audit row, its events, the request id with its answer."""

from __future__ import annotations

import datetime
import functools
import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from marshmallow import Schema, ValidationError
from sqlalchemy import Insert, case, event, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import insert_into, insert_unless_there
from services.chassis.passports import REALM_OF_SYSTEMS, Caller, Issuer
from services.contracts.declare import Event, Operation
from services.contracts.errors import Refused
from services.contracts.fields import Secret, holds_no_text

# Key in a session's info: the rows that the commit inserts, by INSERT statement.
_PENDING = "pending_rows"
# The same of events, which get their place among the events of their subject first.
_EVENTS = "pending_events"
ANONYMOUS = "anonymous"  # the actor where a public operation is called without signing in
LINK = "link"  # the actor's kind where the account has not signed in, but used the link of a mail sent to it
Clock = Callable[[], datetime.datetime]


def utc_now() -> datetime.datetime:
    """The time now, aware, in UTC."""
    return datetime.datetime.now(datetime.UTC)


# Where a session knows the address from which the person or program called.
CLIENT_ADDRESS = "client_address"


@dataclass(frozen=True)
class PendingEvent:
    """An event that the commit inserts: the columns of its row, without `body`, and what its body will say."""

    tables: Any
    row: dict[str, Any]
    envelope: dict[str, Any]


class UnitOfWork:
    """What a handler works with: the session, the caller, the time, and where audit rows and events go.

    The commit inserts audit rows and events, each kind in one statement. Do not add any inside a savepoint: its rollback
    would not remove them.
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
        """The id of the one who acts, as stored with a change: an account, a service, or ANONYMOUS."""
        return self.caller.id if self.caller else ANONYMOUS

    def act_for(self, organisation_id: str, organisation_key: str) -> None:
        """Continue within this organisation. For public operations, which learn it from their request."""
        self.organisation_id, self.organisation_key = organisation_id, organisation_key
        self.session.info["organisation_id"] = organisation_id

    def publish(self, event: Event, subject: str, data: Mapping[str, Any]) -> str:
        """Write an event into the outbox and return its id. `subject` is the id of the aggregate; order is kept per aggregate.

        The commit gives it its place in that order: `subjectversion`, counted from 1, and a `time` not before the last one's.
        """
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
            "time": self.now,
            "datacontenttype": wire.JSON,
            "dataschema": f"/schemas/{event.schema_file}",
            "organisation": organisation_id,
            "organisationkey": organisation_key,
            "correlationid": self.context.correlation_id,
            "traceparent": self.context.traceparent or wire.child_traceparent(None),
            "data": payload,
        }
        if self.context.reference is not None:
            envelope["clientreference"] = self.context.reference
        if self.context.client_kind is not None:
            envelope["clientkind"] = self.context.client_kind
        row = {
            "event_id": event_id,
            "aggregate": f"{organisation_key}:{subject}",
            "exchange": event.exchange,
            "routing_key": event.routing_key(organisation_key),
            "created_at": self.now,
        }
        self.session.info.setdefault(_EVENTS, []).append(PendingEvent(self._tables, row, envelope))
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
        """Write one audit row. `facts` are ids, codes, numbers, times, flags, and lists of those (see `holds_no_text`).

        `person_id` among the facts says whose data it is about; that person can see who opened it. `reason_given` is
        the justification of an emergency access, kept apart from the facts. The row is sealed into the chain later.
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
        self._insert_at_commit(self._tables.insert_audit, row)

    def _insert_at_commit(self, statement: Insert, row: dict[str, Any]) -> None:
        self.session.info.setdefault(_PENDING, {}).setdefault(statement, []).append(row)

    def require_version(self, row: Any) -> None:
        """Refuse (412) unless the caller's `If-Match` names the row's current version; the entrypoint requires one."""
        if self.context.expected_version is None:
            raise AssertionError("declare the operation with expects_version")
        self.honour_version(row)

    def honour_version(self, row: Any) -> None:
        """Refuse (412) where the caller's `If-Match` names another version than the row's. Without `If-Match` all is well."""
        expected = self.context.expected_version
        if expected is not None and expected != row.version:
            raise Refused(
                "version_conflict",
                "It was changed meanwhile: read it again.",
                field="If-Match",
                current_version=row.version,
            )


@event.listens_for(Session, "before_commit")
def _insert_pending(session: Session) -> None:
    if session.in_nested_transaction():
        return
    pending = session.info.pop(_PENDING, {})
    events = session.info.pop(_EVENTS, [])
    if events:
        pending[events[0].tables.insert_outbox] = _placed(session, events)
    for statement, rows in pending.items():
        session.connection().execute(statement, rows if len(rows) > 1 else rows[0])


def _placed(session: Session, events: Sequence[PendingEvent]) -> list[dict[str, Any]]:
    """The rows of these events, each with its place among the events of its subject.

    A transaction waits here for another one that has events of the same subject, whatever else both have locked. So the order
    of places is the order of commits. Subjects are taken in the order of their names, so that no two wait for each other.
    """
    connection = session.connection()
    first: dict[str, tuple[int, datetime.datetime]] = {}
    for aggregate, own in itertools.groupby(sorted(events, key=_aggregate_of), _aggregate_of):
        of_subject = list(own)
        statement = _take_places(connection.dialect.name, of_subject[0].tables.EventSubject.__table__)
        wanted = {
            "aggregate": aggregate,
            "version": len(of_subject),
            "time": max(each.envelope["time"] for each in of_subject),
        }
        last, time = connection.execute(statement, wanted).one()
        first[aggregate] = (last - len(of_subject) + 1, time)
    rows = []
    for each in events:
        aggregate = each.row["aggregate"]
        version, time = first[aggregate]
        first[aggregate] = (version + 1, time)
        rows.append(in_place(each, version, time))
    return rows


def in_place(event: PendingEvent, version: int, time: datetime.datetime) -> dict[str, Any]:
    """The row of an event that is the `version`th of its subject."""
    body = {**event.envelope, "time": time.isoformat(), "subjectversion": version}
    return {**event.row, "body": wire.encode(body)}


def _aggregate_of(event: PendingEvent) -> str:
    return str(event.row["aggregate"])


@functools.cache
def _take_places(dialect: str, table: Any) -> Any:
    """Counts `version` more events of a subject; its last place and time. Built once for each table."""
    fresh = insert_into(dialect, table)
    known, given = table.c, fresh.excluded
    return fresh.on_conflict_do_update(
        index_elements=[known.aggregate],
        set_={
            "version": known.version + given.version,
            "time": case((known.time > given.time, known.time), else_=given.time),
        },
    ).returning(known.version, known.time)


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
    named = {"action": action, "object_type": object_type, "object_id": object_id or None, **facts}
    loose = [name for name, value in named.items() if not holds_no_text(value)]
    if loose:
        raise AssertionError(
            f"audit {object_type}: {loose} could hold personal data; use ids, codes, numbers, times and flags"
        )
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
    """This request id was carried out before; `answer` is the answer it got."""

    def __init__(self, answer: Any) -> None:
        super().__init__("replay")
        self.answer = answer


def _kind_of(caller: Caller | None) -> str:
    """The `actor_kind` of the audit trail."""
    if caller is None:
        return ANONYMOUS
    if caller.link is not None:
        return LINK
    return "api_client" if caller.realm == REALM_OF_SYSTEMS else caller.kind


def caller_key(caller: Caller) -> str:
    """The owner of a request id: each caller has request ids of their own."""
    return f"{caller.kind}:{caller.id}"


def stranger_key(issuer: Issuer, operation: Operation, arguments: Mapping[str, Any]) -> str:
    """As `caller_key`, for somebody who has not signed in and is known by the whole request, with its secrets.

    So nobody learns the answer to a stranger's request by its id alone, or takes that id away.
    """
    return f"{ANONYMOUS}:{issuer.mark('anonymous request', canonical([operation.address, arguments]))}"


def without_secrets(schema: Schema, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments without passwords and tokens, of which no plain hash may be stored."""
    return {
        name: value for name, value in arguments.items() if not isinstance(schema.fields.get(name), Secret)
    }


def fingerprint(arguments: Any) -> str:
    """SHA-256 of the arguments in canonical JSON: it tells a repeated request from a different one with the same key."""
    return hashlib.sha256(canonical(arguments)).hexdigest()


def canonical(value: Any) -> bytes:
    """JSON in which equal values are equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def remember(
    session: Session,
    tables: Any,
    operation: Operation,
    owner: str,
    context: wire.CallContext,
    arguments: Any,
) -> None:
    """Claim the owner's request id in this transaction; `keep_answer` stores the answer with it.

    Raises Replay when it was carried out before, Refused(idempotency_key_reused) when it was used for another request.
    In PostgreSQL a second request with the same id waits until the first has committed, then finds its answer.
    """
    mark = fingerprint([operation.address, arguments, context.expected_version])
    claim = {
        "caller": owner,
        "request_id": context.request_id,
        "operation": operation.name,
        "fingerprint": mark,
        "created_at": utc_now(),
    }
    if insert_unless_there(session, tables.Request.__table__, claim):
        return
    row = session.execute(
        select(tables.Request).where(
            tables.Request.caller == owner, tables.Request.request_id == context.request_id
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


def keep_answer(session: Session, tables: Any, owner: str, context: wire.CallContext, answer: Any) -> None:
    """Store the answer of the request id that this transaction has claimed."""
    row = {"of_caller": owner, "of_request": context.request_id, "given": answer}
    session.connection().execute(tables.keep_answer, row)
