"""Imports of the HR feed: a file is read and compared, then applied in the background.

It is compared in turns, so that other calls run meanwhile. It is written and applied in chunks, one a transaction, so
that an interrupted import goes on where it stopped.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from itertools import starmap
from typing import Any

import eventlet.tpool
from sqlalchemy import and_, func, insert, or_, select, tuple_
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.blobs import UPLOADED
from services.chassis.logs import log, where
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.turns import in_turns
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.identity import hr_feed as contract
from services.identity.accounts.authors import names_among
from services.identity.employees import supervision
from services.identity.employees.models import Employment
from services.identity.hr_feed import differences, rules
from services.identity.hr_feed.feed_file import Parsed, Problem
from services.identity.hr_feed.feed_reading import PROBLEMS_SHOWN, read_feed
from services.identity.hr_feed.models import HrImport, HrImportLine
from services.identity.models import Organisation, Person, PersonKind
from services.identity.realms.rules import EMPLOYEE
from services.identity.registry.pages import last_of_page

EVERY_S = 30.0
LOOP = "hr-feed"
BY_STAFF = "staff"
LINES_AT_ONCE = 25
LINES_WRITTEN_AT_ONCE = 100
KNOWN_AT_ONCE = 200


def upload(call: Call) -> Any:
    """Read a file in a child process, compare it with the known employees, keep the differences, and not the file.

    Raises Refused(not_found), and as `read_feed`.
    """
    document = call.request["document"]
    if call.is_repeated():
        return call.commit(_complete, "")
    path = call.runtime.blobs.find(call.organisation_id or "", document["sha256"], *UPLOADED)
    parsed = read_feed(path, call.request["format"])
    with call.runtime.database.reading(call.organisation_id) as session:
        known = known_employees(session)
    plan = eventlet.tpool.execute(rules.plan_feed, parsed.rows, known, parsed.refused_numbers)
    import_id = call.transact(partial(_new_import, parsed=parsed, plan=plan, sha256=document["sha256"]))
    for start in range(0, len(plan.differences), LINES_WRITTEN_AT_ONCE):
        call.transact(partial(_write_lines, import_id=import_id, plan=plan, start=start))
    return call.commit(_complete, import_id)


def _new_import(unit: UnitOfWork, *, parsed: Parsed, plan: rules.FeedPlan, sha256: str) -> str:
    counts = {action: plan.count(action) for action in (rules.ADDED, rules.CHANGED, rules.ENDED)}
    refused = parsed.refused + len(plan.repeated)
    counts |= {"unchanged": plan.unchanged, "refused": refused, "unidentified": refused + len(plan.doubles)}
    counts |= {name: getattr(plan, name) for name in ("supervised", "supervised_before", "unsupervised")}
    counts |= {"respelled": len(plan.respelled)}
    found = [
        *starmap(_repeated, plan.repeated[:PROBLEMS_SHOWN]),
        *starmap(_respelled, plan.respelled[:PROBLEMS_SHOWN]),
        *map(_double, plan.doubles[:PROBLEMS_SHOWN]),
    ]
    row = HrImport(
        id=wire.new_id(),
        state=rules.COMPARING,
        sha256=sha256,
        total=len(plan.differences),
        done=0,
        counts=counts,
        problems=[asdict(problem) for problem in (*parsed.problems, *found)],
        created_by=unit.actor_id,
        created_at=unit.now,
    )
    unit.add(row)
    return row.id


def _write_lines(unit: UnitOfWork, *, import_id: str, plan: rules.FeedPlan, start: int) -> None:
    unit.session.connection().execute(
        insert(HrImportLine),
        [
            {
                "import_id": import_id,
                "organisation_id": unit.organisation_id,
                "position": position,
                "employee_number": each.number,
                "action": each.action,
                "person_id": each.person_id,
                "columns": dict(each.values),
                "changes": [
                    {"field": name, "before": before, "after": after} for name, before, after in each.changes
                ],
            }
            for position, each in enumerate(
                plan.differences[start : start + LINES_WRITTEN_AT_ONCE], start=start + 1
            )
        ],
    )


def _complete(unit: UnitOfWork, import_id: str) -> dict[str, Any]:
    row = unit.session.get_one(HrImport, import_id, with_for_update=True)
    row.state = rules.READY
    unit.audit("hr_import.read", "hr_import", row.id, **row.counts)
    return import_view(unit.session, row)


def _double(line: int) -> Problem:
    message = (
        "An employee with another number has the same e-mail, the same name and date of birth, or the same name and is "
        "missing from the file."
    )
    return Problem(line, "employee_number", "probable_double", message, is_refused=False)


def _repeated(line: int, earlier: int) -> Problem:
    message = f"Line {earlier} names this employee, whose number is spelled in another way there."
    return Problem(line, "employee_number", "duplicate_number", message)


def _respelled(line: int, earlier: int | None) -> Problem:
    where_else = "More than one known employee has" if earlier is None else f"Line {earlier} has"
    message = (
        f"{where_else} this number in another spelling: probably one person. Correct the number if it is, as two people are "
        "made otherwise."
    )
    return Problem(line, "employee_number", "probable_double", message, is_refused=False)


def known_employees(session: Session) -> dict[str, rules.Known]:
    """Every known employee by HR's number, as the feed's rules compare them.

    An employee who was registered by hand has no employment yet; the person's number stands for HR's.
    """
    now = utc_now()
    names = (*rules.PERSON_FIELDS, *rules.EMPLOYMENT_FIELDS)
    by_hand = select(PersonKind.person_id).where(
        PersonKind.kind == EMPLOYEE,
        or_(PersonKind.ends_at.is_(None), PersonKind.ends_at > now),
    )
    rows = session.execute(
        select(
            Person.id,
            Person.number,
            Employment.employee_number,
            Employment.ended_at,
            Employment.source,
            Person.email_key,
            Person.first_name_key,
            Person.last_name_key,
            *(getattr(Person, name) for name in rules.PERSON_FIELDS),
            *(getattr(Employment, name) for name in rules.EMPLOYMENT_FIELDS),
        )
        .outerjoin(Employment, Employment.person_id == Person.id)
        .where(
            or_(
                Employment.id.is_not(None),
                and_(Person.id.in_(by_hand), Person.disabled_at.is_(None)),
            )
        )
        .execution_options(yield_per=KNOWN_AT_ONCE)
    )
    return {
        row.employee_number or row.number: rules.Known(
            row.id,
            {name: _text(getattr(row, name)) for name in names},
            row.ended_at is not None,
            row.source or BY_STAFF,
            rules.marks_of(row.email_key, row.first_name_key, row.last_name_key, _text(row.date_of_birth)),
        )
        for row in in_turns(rows, KNOWN_AT_ONCE)
    }


def _text(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, datetime.date) else value


_LINE = ("id", "state", "counts", "total", "done", "created_by", "created_at", "applied_at", "reason")


def import_view(session: Session, row: HrImport) -> dict[str, Any]:
    """The members of the contract's HrImportView."""
    view = {name: getattr(row, name) for name in (*_LINE, "problems")}
    return view | {"created_by_name": names_among(session, {row.created_by}).get(row.created_by)}


def list_hr_imports(session: Session, _caller: Caller, *, after: str | None, limit: int) -> dict[str, Any]:
    """Imports without their problems, newest first. The cursor is an import's id."""
    order = (HrImport.created_at, HrImport.id)
    statement = (
        select(*(getattr(HrImport, name) for name in _LINE))
        .where(HrImport.state != rules.COMPARING)
        .order_by(*(column.desc() for column in order))
        .limit(limit + 1)
    )
    if after is not None:
        statement = statement.where(
            tuple_(*order) < tuple_(*last_of_page(session, order, HrImport.id, after))
        )
    rows = session.execute(statement).all()
    page = rows[:limit]
    authors = names_among(session, {row.created_by for row in page})
    return {
        "items": [
            {name: getattr(row, name) for name in _LINE} | {"created_by_name": authors.get(row.created_by)}
            for row in page
        ],
        "next": page[-1].id if len(rows) > len(page) else None,
    }


def find_import(session: Session, import_id: str, *, for_update: bool = False) -> HrImport:
    """The import, once it is compared. Raises Refused(not_found)."""
    statement = select(HrImport).where(HrImport.id == import_id, HrImport.state != rules.COMPARING)
    row: HrImport | None = session.scalar(statement.with_for_update() if for_update else statement)
    if row is None:
        raise Refused("not_found", "There is no such import.")
    return row


def get_hr_import(session: Session, _caller: Caller, *, import_id: str) -> dict[str, Any]:
    """One import and its progress. Raises Refused(not_found)."""
    return import_view(session, find_import(session, import_id))


def list_lines(
    session: Session, _caller: Caller, *, import_id: str, after: int | None, limit: int, action: str | None
) -> dict[str, Any]:
    """Differences in the file's order, then those of employees missing from it. Raises Refused(not_found)."""
    find_import(session, import_id)
    statement = (
        select(HrImportLine)
        .where(HrImportLine.import_id == import_id, HrImportLine.position > (after or 0))
        .order_by(HrImportLine.position)
        .limit(limit + 1)
    )
    if action is not None:
        statement = statement.where(HrImportLine.action == action)
    rows = session.scalars(statement).all()
    page = rows[:limit]
    return {"items": page, "next": page[-1].position if len(rows) > len(page) else None}


def begin(unit: UnitOfWork, *, import_id: str, confirm: bool) -> dict[str, Any]:
    """Have an import applied. One that was begun before stays as it is.

    Raises Refused(not_found, import_outdated, confirmation_required).
    """
    row = find_import(unit.session, import_id, for_update=True)
    if row.state != rules.READY:
        return import_view(unit.session, row)
    newer = unit.session.scalar(
        select(HrImport.id).where(HrImport.id != row.id, HrImport.applied_at > row.created_at).limit(1)
    )
    running = unit.session.scalar(select(HrImport.id).where(HrImport.state == rules.APPLYING).limit(1))
    if newer is not None or running is not None or unit.now - row.created_at > rules.HOLDS:
        raise Refused(
            "import_outdated", "The employees have changed since this file was compared: upload it again."
        )
    employees = unit.session.scalar(
        select(func.count()).select_from(Employment).where(Employment.ended_at.is_(None))
    )
    reason = _reason_to_ask(row.counts, employees or 0)
    if reason is not None and not confirm:
        raise Refused(
            "confirmation_required",
            f"{reason} If that is right, confirm it.",
            field="confirm",
            ends=row.counts[rules.ENDED],
            employees=employees,
            unidentified=row.counts.get("unidentified", 0),
            unsupervised=row.counts.get("unsupervised", 0),
            respelled=row.counts.get("respelled", 0),
        )
    row.state, row.applied_by, row.applied_at = rules.APPLYING, unit.actor_id, unit.now
    unit.audit("hr_import.begun", "hr_import", row.id, total=row.total)
    return import_view(unit.session, row)


def _reason_to_ask(counts: Mapping[str, int], employees: int) -> str | None:
    """Why a person has to confirm that a file is whole, None where nothing suggests the contrary."""
    ended, unidentified = counts[rules.ENDED], counts.get("unidentified", 0)
    if ended and unidentified:
        return (
            f"Rows that could not be read, or are probably of an employee with another number: {unidentified}. "
            f"They may be of the people who would be ended: {ended}."
        )
    if respelled := counts.get("respelled", 0):
        return (
            f"New employees whose number differs from another one only in case or zeros: {respelled}. Each of them may be one "
            "person written twice."
        )
    if rules.is_many(ended, employees):
        return "More than a fifth of the employees end with this file."
    if rules.is_many(
        counts.get("unsupervised", 0), counts.get("supervised_before", counts.get("supervised", 0))
    ):
        return "More than a fifth of the employees who have a manager would have none."
    return None


def work(runtime: Runtime) -> bool:
    """Apply the chunks of begun imports, one a transaction, and delete lines that are no longer needed.

    False when one failed and must be tried again. It holds up no other.
    """
    with runtime.database.reading(None) as session:
        begun = session.execute(
            select(HrImport.id, Organisation)
            .join(Organisation, Organisation.id == HrImport.organisation_id)
            .where(HrImport.state == rules.APPLYING)
            .order_by(HrImport.applied_at)
        ).all()
    is_complete = True
    for import_id, organisation in begun:
        is_complete &= _apply(runtime, import_id, organisation)
    _forget_lines(runtime)
    return is_complete


def _apply(runtime: Runtime, import_id: str, organisation: Organisation) -> bool:
    """Apply the rest of an import. False when it failed and must be tried again."""
    place: str | None = ""
    try:
        while place is not None:
            place = _step(runtime, import_id, organisation, place)
    except Refused as refusal:
        if refusal.code == "service_unavailable":
            raise  # the database is away, and no import can go on
        return _note_fault(runtime, import_id, organisation, refusal)
    except Exception as error:  # whatever it is, imports of others go on
        return _note_fault(runtime, import_id, organisation, error)
    return True


def _note_fault(runtime: Runtime, import_id: str, organisation: Organisation, error: Exception) -> bool:
    """Count a failure of an import, and give the import up when there were too many. False where it is tried again."""
    log.error("hr_import_failed", import_id=import_id, error=type(error).__name__, where=where(error))

    def note(unit: UnitOfWork) -> bool:
        row = find_import(unit.session, import_id, for_update=True)
        if row.state != rules.APPLYING:
            return True
        row.tries += 1
        if row.tries < rules.TRIES:
            return False
        row.state, row.reason = rules.FAILED, rules.FAULT
        unit.audit("hr_import.failed", "hr_import", row.id, reason=row.reason, done=row.done, total=row.total)
        return True

    return transact_as(runtime, itself(runtime, organisation.id, organisation.key), note, import_id)


def _step(runtime: Runtime, import_id: str, organisation: Organisation, place: str) -> str | None:
    """Apply one chunk of lines; once there are none, one of supervisors after `place`. Answers the next place.

    None when the import is applied.
    """

    def carry_on(unit: UnitOfWork) -> str | None:
        return _carry_on(unit, find_import(unit.session, import_id, for_update=True), place)

    return transact_as(runtime, itself(runtime, organisation.id, organisation.key), carry_on, import_id)


def _carry_on(unit: UnitOfWork, row: HrImport, place: str) -> str | None:
    if row.state != rules.APPLYING:
        return None  # another process has completed the import
    lines = unit.session.scalars(
        select(HrImportLine)
        .where(HrImportLine.import_id == row.id, HrImportLine.position > row.done)
        .order_by(HrImportLine.position)
        .limit(LINES_AT_ONCE)
    ).all()
    if lines:
        differences.apply(unit, lines)
        row.done = lines[-1].position
        return place
    following = supervision.set_and_end_due(unit, after=place)
    if following is not None:
        return following
    row.state = rules.APPLIED
    counts = {action: row.counts[action] for action in (rules.ADDED, rules.CHANGED, rules.ENDED)}
    unit.audit("hr_import.applied", "hr_import", row.id, **counts)
    unit.publish(contract.hr_import_applied, row.id, {"import_id": row.id, **counts})
    return None


def _forget_lines(runtime: Runtime) -> None:
    """Delete the lines of imports after a month, because they are personal data. The audit trail keeps what happened."""
    before = utc_now() - rules.LINES_KEPT
    old = select(HrImport.id).where(HrImport.created_at < before, HrImport.state != rules.APPLYING)
    runtime.database.sweep(HrImportLine, HrImportLine.import_id.in_(old))
