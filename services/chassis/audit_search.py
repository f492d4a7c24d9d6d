"""The queries of a service's audit trail and their entrypoints, the same in every service."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, TypeVar, Unpack

import orjson
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from services.chassis import audit
from services.chassis.audit_fhir import audit_event
from services.chassis.operations import Call, serves
from services.chassis.passports import REALM_OF_SYSTEMS, Caller
from services.chassis.unit_of_work import LINK
from services.contracts.audit import AuditOperations
from services.contracts.declare import Operation
from services.contracts.errors import Refused

Names = Callable[[Session, Sequence[str]], Mapping[str, str]]
IdsOf = Callable[[Call, str], Sequence[str]]
ServiceClass = TypeVar("ServiceClass", bound=type)

# Endings of those actions that show a person's data to somebody.
OPENING_WORDS = ("read", "viewed", "downloaded", "exported", "document.opened", "file_opened", "break_glass")
_COLUMNS = (
    "seq",
    "at",
    "actor_kind",
    "actor_id",
    "action",
    "object_type",
    "object_id",
    "person_id",
    "facts",
    "correlation_id",
    "id",
    "row_hash",
)
# A spreadsheet reads a cell that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def serves_audit(
    operations: AuditOperations, ids_of: IdsOf, names: Names | None = None
) -> Callable[[ServiceClass], ServiceClass]:
    """Class decorator: the class serves `operations`, the same ones that every service has over its audit trail.

    `ids_of` gives all ids under which a person was known: a row of the trail keeps the id that was used then. `names`
    gives the names of accounts by id; people who look up who opened their record see them.
    """

    def search(_self: Any, call: Call) -> Any:
        answer = call.read(_search, call.runtime.tables)
        note_looking(call, "audit.read", rows=len(answer["items"]))
        return answer

    def export(_self: Any, call: Call) -> Any:
        _require_proof(call.caller)
        answer = call.read(_export, call.runtime.tables, operations.service)
        note_looking(call, "audit.exported", rows=answer["rows"], format=call.request["format"])
        return answer

    def checkpoints(_self: Any, call: Call) -> Any:
        return call.read(_checkpoints, call.runtime.tables)

    def openings(_self: Any, call: Call) -> Any:
        return call.read(_openings, call.runtime.tables, ids_of(call, own_person_id(call.caller)), names)

    def decorate(service_class: ServiceClass) -> ServiceClass:
        for operation, method in (
            (operations.search, search),
            (operations.export, export),
            (operations.checkpoints, checkpoints),
            (operations.openings, openings),
        ):
            method.__name__ = operation.name
            setattr(service_class, operation.name, serves(operation)(method))
        return service_class

    return decorate


def _require_proof(caller: Caller | None) -> None:
    """Require a fresh proof of identity from a person who exports a trail. Raises Refused(proof_required).

    A system has neither a password nor a code to give again: its secret and its scope suffice.
    """
    if caller is not None and caller.realm != REALM_OF_SYSTEMS:
        caller.require_proof()


def note_looking(call: Call, action: str, **facts: Any) -> None:
    """Audit that the caller looks at the trail, before anything is handed out."""
    filters = sorted(
        name for name, value in call.request.items() if value is not None and name not in ("limit", "format")
    )
    call.note_reading(action, "audit", call.organisation_id or "", filters=filters, **facts)


class Filters(TypedDict):
    """Which rows of a trail somebody asks for. None: all."""

    since: datetime.datetime | None
    until: datetime.datetime | None
    action: str | None
    actor_id: str | None
    object_type: str | None
    object_id: str | None
    person_id: str | None


def _search(
    session: Session,
    caller: Caller,
    tables: Any,
    *,
    after: str | None,
    limit: int,
    **filters: Unpack[Filters],
) -> dict[str, Any]:
    statement = _filtered(tables.Audit, caller, filters)
    rows, following = page(session, statement, tables.Audit, after=after, limit=limit)
    return {"items": rows, "next": following}


def _export(
    session: Session,
    caller: Caller,
    tables: Any,
    service: str,
    *,
    after: str | None,
    limit: int,
    format: str,  # noqa: A002 - the name of the request's member
    **filters: Unpack[Filters],
) -> dict[str, Any]:
    statement = _filtered(tables.Audit, caller, filters)
    rows, following = page(session, statement, tables.Audit, after=after, limit=limit)
    if format == "csv":
        media_type, text = "text/csv", _csv(rows, with_header=after is None)
    else:
        media_type = "application/fhir+ndjson"
        text = "".join(orjson.dumps(audit_event(row, service)).decode() + "\n" for row in rows)
    return {"media_type": media_type, "rows": len(rows), "text": text, "next": following}


def _checkpoints(
    session: Session, caller: Caller, tables: Any, *, after: int | None, limit: int
) -> dict[str, Any]:
    table = tables.AuditCheckpoint
    statement = select(table).where(table.chain == audit.chain_of(caller.organisation_id))
    if after is not None:
        statement = statement.where(table.seq < after)
    rows = session.scalars(statement.order_by(table.seq.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    items = [
        {"seq": row.seq, "row_hash": row.row_hash, "sealed_at": row.at, "signature": row.signature}
        for row in shown
    ]
    return {"items": items, "next": str(shown[-1].seq) if len(rows) > len(shown) else None}


def own_person_id(caller: Caller | None) -> str:
    """The id of the caller's own person record, as the passport says. Raises Refused(not_found) without one."""
    own = caller.scope.get("person_id") if caller else None
    if own:
        return str(own)
    raise Refused("not_found", "Your account is not linked to a record of your own.")


def ids_asked(describe_person: Operation) -> IdsOf:
    """Ask the service that knows people for all ids of a person.

    A person whose record was merged into another one gets only the id of the passport.
    """

    def ids_of(call: Call, person_id: str) -> Sequence[str]:
        known = call.ask(describe_person, {"person_id": person_id})
        return [person_id, *(known["merged_ids"] if known["person_id"] == person_id else ())]

    return ids_of


def _openings(
    session: Session,
    caller: Caller,
    tables: Any,
    person_ids: Sequence[str],
    names: Names | None,
    *,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    table = tables.Audit
    opened = or_(*(table.action.like(f"%{word}") for word in OPENING_WORDS))
    statement = select(table).where(
        table.organisation_id == caller.organisation_id, table.person_id.in_(person_ids), opened
    )
    rows, following = page(session, statement, table, after=after, limit=limit)
    people = sorted({row.actor_id for row in rows if row.actor_kind in ("account", LINK)})
    known = names(session, people) if names and people else {}
    items = [
        {
            "id": row.id,
            "at": row.at,
            "action": row.action,
            "object_type": row.object_type,
            "object_id": row.object_id,
            "actor_kind": row.actor_kind,
            "actor_id": row.actor_id,
            "actor_name": known.get(row.actor_id),
            "is_emergency": bool(row.facts.get("emergency")) or row.action.endswith("break_glass"),
        }
        for row in rows
    ]
    return {"items": items, "next": following}


def _filtered(table: Any, caller: Caller, filters: Filters) -> Select[Any]:
    """The rows of the caller's organisation that fit the filters."""
    conditions = [table.organisation_id == caller.organisation_id]
    exact = (
        (table.actor_id, filters["actor_id"]),
        (table.object_type, filters["object_type"]),
        (table.object_id, filters["object_id"]),
        (table.person_id, filters["person_id"]),
    )
    conditions += [column == value for column, value in exact if value is not None]
    if filters["since"] is not None:
        conditions.append(table.at >= filters["since"])
    if filters["until"] is not None:
        conditions.append(table.at < filters["until"])
    action = filters["action"]
    if action is not None:
        begins = action.endswith(".")
        conditions.append(
            table.action.startswith(action, autoescape=True) if begins else table.action == action
        )
    return select(table).where(and_(*conditions))


def page(
    session: Session, statement: Select[Any], table: Any, *, after: str | None, limit: int
) -> tuple[Sequence[Any], str | None]:
    """A page, newest first, and the cursor of the next. Raises Refused(invalid_request) for a cursor of another trail."""
    if after is not None:
        last = session.execute(
            statement.with_only_columns(table.at, table.id).where(table.id == after)
        ).one_or_none()
        if last is None:
            raise Refused(
                "invalid_request", "after: this page cannot be continued; start again.", field="after"
            )
        at, row_id = last
        statement = statement.where(or_(table.at < at, and_(table.at == at, table.id < row_id)))
    order = (table.at.desc(), table.id.desc())
    rows = session.scalars(statement.order_by(*order).limit(limit + 1)).all()
    shown = rows[:limit]
    return shown, shown[-1].id if len(rows) > len(shown) else None


def _csv(rows: Sequence[Any], *, with_header: bool) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if with_header:
        writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow(_cell(getattr(row, column)) for column in _COLUMNS)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
