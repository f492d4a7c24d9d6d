"""The part of every service in orders about one person's data: it writes down what it keeps, or erases it.

identity orders it by an event, and each service answers by one. An erasure is one transaction with its answer, so a process that is
killed has done all or nothing, and the event comes again. What the law or others need stays, without what names the person: each
service says what (`Kept`); rows of all other tables are deleted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, delete
from sqlalchemy.orm import Session

from services.chassis import person_rows
from services.chassis.blobs import EXPORTS
from services.chassis.events import IncomingEvent, listens
from services.chassis.person_rows import Found, Person, Row
from services.chassis.runtime import Runtime
from services.chassis.turns import in_turns
from services.chassis.unit_of_work import UnitOfWork
from services.chassis.unused_files import FilesInUse
from services.contracts.declare import Event, Operation
from services.contracts.identity import personal_data as orders
from services.contracts.personal_data import KEPT_FOR

ServiceClass = TypeVar("ServiceClass", bound=type)
MOST_BYTES = 2_000_000_000
NAMELESS = "Erased"


def _always(_row: Row) -> bool:
    return True


@dataclass(frozen=True)
class Kept:
    """Rows of a table that stay when a person is erased: why, and what they get in place of what names the person.

    A value may be a function of the row. Rows for which `when` is false, and rows that hang on a deleted one, are deleted.
    """

    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)
    when: Callable[[Row], bool] = _always

    def new_values(self, row: Row) -> dict[str, Any]:
        """What the row gets."""
        return {name: value(row) if callable(value) else value for name, value in self.values.items()}


KeptTables = Mapping[str, Kept]
AUDIT_TRAIL: KeptTables = {"audit": Kept("audit_trail")}


@dataclass(frozen=True)
class Files:
    """The part of the store in which a service keeps files, and its question which of them are in use."""

    part: str
    in_use: FilesInUse


@dataclass
class Erased:
    """What an erasure has done to a service's rows. `files` are the files that deleted rows referred to."""

    rows: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    files: set[str] = field(default_factory=set)


def erase(session: Session, base: Any, person: Person, kept: KeptTables) -> Erased:
    """Delete a person's rows of a service, and take what names the person from those that stay."""
    connection, erased = session.connection(), Erased()
    found = person_rows.rows_to_erase(connection, base, person)
    erased.kept["others_records"] = person_rows.rows_about_others(connection, base, person)
    tables = [table for table in person_rows.tables_of(base) if table.name in found]
    doomed: Found = {}
    for table in tables:
        rule, doomed[table.name] = {**kept, **AUDIT_TRAIL}.get(table.name), []
        parents = [
            (name, {row[of_owner] for row in doomed.get(owner, ())})
            for name, owner, of_owner in person_rows.hangs_on(table)
        ]
        for row in in_turns(found[table.name]):
            if rule is None or not rule.when(row) or any(row[name] in gone for name, gone in parents):
                doomed[table.name].append(row)
                continue
            erased.kept[rule.reason] += 1
            values = rule.new_values(row)
            if values:
                person_rows.change_row(connection, table, row, values)
    for table in reversed(tables):
        rows = doomed[table.name]
        person_rows.delete_rows(connection, table, rows)
        erased.rows += len(rows)
        erased.files |= {row[name] for row in rows for name in row if name.endswith("sha256") and row[name]}
    _forget_answers(connection, base, person)
    return erased


def _forget_answers(connection: Connection, base: Any, person: Person) -> None:
    """Forget the answers that the person got; those that others got go after REQUESTS_KEPT_HOURS."""
    requests = base.metadata.tables["requests"]
    theirs = [f"account:{account_id}" for account_id in person.accounts]
    connection.execute(delete(requests).where(requests.c.caller.in_(theirs)))


def delete_files(runtime: Runtime, organisation_id: str, files: Files, sha256s: Collection[str]) -> None:
    """Delete those of these files to which no row refers any more, unless somebody keeps the same bytes anew."""
    before = time.time()
    with runtime.database.reading(organisation_id) as session:
        in_use = files.in_use(session, sha256s)
    doomed = set(sha256s) - in_use
    stored = runtime.blobs.old_files(organisation_id, files.part, before)
    runtime.blobs.delete_old(organisation_id, (each for each in stored if each.name in doomed), before)


def lines_of(base: Any, service: str, found: Found) -> Iterator[bytes]:
    """The rows as lines of an export: `{"service", "table", "row"}`."""
    for table, rows in found.items():
        for row in rows:
            line = {"service": service, "table": table, "row": person_rows.shown(base, table, row)}
            yield orjson.dumps(line) + b"\n"


def serves_personal_data(
    answered: Event, describe_job: Operation, base: Any, kept: KeptTables, files: Files | None = None
) -> Callable[[ServiceClass], ServiceClass]:
    """Class decorator: the class does its service's part of each order and answers with the event `answered`.

    `describe_job` asks whom an order is about.
    A service that keeps files of people gives `files`; without it a file goes with the sweep of unused ones.
    """

    def on_personal_data_ordered(_self: Any, incoming: IncomingEvent) -> None:
        order = incoming.ask(describe_job, {"job_id": incoming.data["job_id"]})
        person = Person(incoming.context.organisation_id, order["person_ids"], order["account_ids"])
        if order["kind"] == "export":
            _export(incoming, answered, base, person)
        else:
            _erase(incoming, answered, base, person, kept, files)

    def decorate(service_class: ServiceClass) -> ServiceClass:
        method = listens(orders.personal_data_ordered)(on_personal_data_ordered)
        setattr(service_class, on_personal_data_ordered.__name__, method)
        return service_class

    return decorate


def _export(incoming: IncomingEvent, answered: Event, base: Any, person: Person) -> None:
    runtime = incoming.runtime
    with runtime.database.reading(person.organisation_id) as session:
        found = person_rows.rows_of(session.connection(), base, person)
    lines = lines_of(base, runtime.service, found)
    sha256, _ = runtime.blobs.put_passing(person.organisation_id, lines, MOST_BYTES, EXPORTS)
    rows = sum(map(len, found.values()))

    def answer(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
        _answer(unit, answered, data, "person.exported", rows=rows, sha256=sha256, kept={})

    incoming.apply(answer)


def _erase(
    incoming: IncomingEvent, answered: Event, base: Any, person: Person, kept: KeptTables, files: Files | None
) -> None:
    erased = Erased()

    def answer(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
        nonlocal erased
        erased = erase(unit.session, base, person, kept)
        _answer(unit, answered, data, "person.erased", rows=erased.rows, sha256=None, kept=erased.kept)

    incoming.apply(answer)
    if files is not None and erased.files:
        delete_files(incoming.runtime, person.organisation_id, files, erased.files)


def _answer(
    unit: UnitOfWork,
    answered: Event,
    data: Mapping[str, Any],
    action: str,
    *,
    rows: int,
    sha256: str | None,
    kept: Mapping[str, int],
) -> None:
    counts = {f"kept_{reason}": kept.get(reason, 0) for reason in KEPT_FOR}
    unit.audit(action, "person", data["person_id"], job_id=data["job_id"], rows=rows)
    unit.publish(
        answered, data["job_id"], {"job_id": data["job_id"], "rows": rows, "sha256": sha256, **counts}
    )
