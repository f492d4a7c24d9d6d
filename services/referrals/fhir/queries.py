"""Queries of the FHIR view. A caller sees the same referrals here as elsewhere: staff all, a provider its own (S0-1).

Searches show referrals without the help-seeker. Only a single resource is read with the help-seeker's details, by callers who
may see details, and that reading is audited.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session, aliased, undefer

from services.chassis import fhir_queries, fhir_search
from services.chassis.cursors import cursor_of
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.spelling import search_key
from services.referrals.access.access_scope import access_scope_of, may_see_details
from services.referrals.access.visibility import not_visible, visible_to
from services.referrals.assignments.queries import get_referral
from services.referrals.capacity.places import lines_of_programs
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import is_of_agency, is_shown, shown_message
from services.referrals.directory.rules import Level, ResourceStatus
from services.referrals.fhir import resources as fhir
from services.referrals.fhir import rules
from services.referrals.models import QueueProgram, Referral, StatusChange
from services.referrals.queues.models import Queue, QueueStatus
from services.referrals.queues.rules import Status, find_status
from services.referrals.records.models import ContactRecord
from services.referrals.records.rules import find_contact_record_number

_TASK_STATUS = "http://hl7.org/fhir/task-status"
_REQUEST_STATUS = "http://hl7.org/fhir/request-status"
_PRIORITY = "http://hl7.org/fhir/request-priority"
_TASK_CODE = "http://hl7.org/fhir/CodeSystem/task-code"
# The Task.status of a referral that its sender took back at an open status.
TAKEN_BACK = "cancelled"
_SYSTEM_OF_STATUSES = re.compile(r"urn:portico:queue:([0-9a-f]{32}):status")
_STEPS = "FHIR provenance"
_CHANGED = "FHIR directory by change"
_Agency = aliased(Resource)


def read(
    session: Session, caller: Caller | None, *, resource_type: str, resource_id: str
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """One resource, and the contact record if the resource shows it. The calling function audits that reading.

    Raises Refused `not_found`.
    """
    _check_type(resource_type)
    own_id = fhir_search.check_id(resource_id)
    search = fhir_search.Search(resource_type, (("_id", (own_id,)),), 1, None)
    found = _search(session, caller, search).facts
    if not found:
        raise not_visible(caller, "resource_id") if _is_referral(resource_type) else _not_found()
    (only,) = found
    if not (_is_referral(resource_type) and may_see_details(caller)):
        return _SHAPES[resource_type](only), None
    details = get_referral(session, caller, referral_id=own_id)["details"]
    return _SHAPES[resource_type](replace(only, person=details)), details


def search(
    session: Session,
    caller: Caller | None,
    *,
    resource_type: str,
    parameters: Mapping[str, Any],
    is_lenient: bool,
    base_url: str,
) -> dict[str, Any]:
    """A page of resources as a Bundle. Raises Refused `not_found` (type), `search_refused`."""
    _check_type(resource_type)
    known = rules.PARAMETERS[resource_type]
    wanted = fhir_search.read_search(resource_type, known, parameters, is_lenient=is_lenient)
    fhir_queries.keep_few_statements(session, wanted)
    found = _search(session, caller, wanted)
    shape = _SHAPES[wanted.resource_type]
    links = {"self": fhir_search.link(base_url, wanted, wanted.after)}
    if found.following is not None:
        links["next"] = fhir_search.link(base_url, wanted, found.following)
    bundle = fhir_search.search_bundle(
        base_url, [shape(each) for each in found.facts], links, utc_now(), found.total
    )
    return {"resource": bundle}


def page_by_change(
    session: Session,
    caller: Caller,
    resource_type: str,
    *,
    since: datetime.datetime | None,
    until: datetime.datetime,
    after: str | None,
    count: int,
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of what has changed within this time, oldest change first, and the cursor of the next one.

    Provenance comes with the referrals that have changed: the lines of their histories that are within the time, also where a
    referral has changed once more after it. One that changes between two pages may come twice.
    """
    of_lines = resource_type == "Provenance"
    kind, last = ("Task", None) if of_lines else (resource_type, until)
    wanted = fhir_search.changed_within(kind, since, last, count, after)
    found = _search(session, caller, wanted)
    facts = _steps_within(session, caller, found.facts, since, until) if of_lines else found.facts
    return [_SHAPES[resource_type](each) for each in facts], found.following


def _steps_within(
    session: Session,
    caller: Caller,
    referrals: Sequence[fhir.ReferralFacts],
    since: datetime.datetime | None,
    until: datetime.datetime,
) -> list[fhir.StepFacts]:
    bounds = [StatusChange.at <= until, *([StatusChange.at >= since] if since is not None else [])]
    statement = (
        select(StatusChange)
        .where(StatusChange.referral_id.in_([each.id for each in referrals]), _shown_lines(caller), *bounds)
        .order_by(StatusChange.referral_id, StatusChange.position)
    )
    return list(map(_step_facts, session.scalars(statement)))


def history(
    session: Session, caller: Caller | None, *, resource_type: str, resource_id: str, base_url: str
) -> dict[str, Any]:
    """The versions of a Task, newest first, one for each line of the referral's history. Raises Refused `not_found`."""
    if resource_type != "Task":
        raise Refused("not_found", "Versions are offered of Task.", "resource_type")
    wanted = fhir_search.Search("Task", (("_id", (fhir_search.check_id(resource_id),)),), 1, None)
    found = _search(session, caller, wanted).facts
    if not found:
        raise not_visible(caller, "resource_id")
    (now,) = found
    statuses = session.get_one(Queue, now.queue_id).status_list()
    lines = session.scalars(
        select(StatusChange)
        .where(StatusChange.referral_id == now.id, _shown_lines(caller))
        .order_by(StatusChange.position.desc())
    ).all()
    taken_back = next((line for line in lines if line.kind in ("withdrawn", "reassigned")), None)
    versions = [
        fhir.task(_as_it_was(now, line, find_status(statuses, line.to_key), taken_back)) for line in lines
    ]
    return {"resource": fhir.history_bundle(base_url, versions, utc_now())}


def _as_it_was(
    now: fhir.ReferralFacts, line: StatusChange, status: Status | None, taken_back: StatusChange | None
) -> fhir.ReferralFacts:
    """The referral after one line of its history, without the facts that the line does not record."""
    is_terminal = bool(status and status.is_terminal)
    # A note that is written after the withdrawal leaves the referral withdrawn.
    ended = taken_back if taken_back is not None and line.position >= taken_back.position else None
    # A status that has been removed from the queue is taken for an open one: its code is no longer known.
    fhir_status = status.fhir_status if status else "in-progress"
    return replace(
        now,
        version=line.position,
        updated_at=line.at,
        status_key=line.to_key,
        status_label=line.to_label,
        fhir_status=TAKEN_BACK if ended is not None and not is_terminal else fhir_status,
        note=None if line.is_internal else line.note,
        reason_code=line.reason_code,
        outcome_code=line.outcome_code,
        enrollment=None,
        accepted_at=None,
        due_at=None,
        ended_at=ended.at if ended is not None else line.at if is_terminal else None,
    )


def _is_referral(resource_type: str) -> bool:
    return resource_type in ("Task", "ServiceRequest")


def _check_type(resource_type: str) -> None:
    if resource_type not in rules.PARAMETERS:
        raise Refused("not_found", f"Offered are {', '.join(rules.PARAMETERS)}.", "resource_type")


def _not_found() -> Refused:
    return Refused("not_found", "There is no resource with this id.", "resource_id")


@dataclass(frozen=True)
class _Found:
    """The facts of a page of matching resources and the cursor of the next page, or the number of all matches alone."""

    facts: list[Any]
    following: str | None = None
    total: int | None = None

    @classmethod
    def counted(cls, session: Session, matches: Select[*tuple[Any, ...]]) -> _Found:
        ids = matches.with_only_columns(literal(1), maintain_column_froms=True).order_by(None).subquery()
        return cls([], total=session.scalar(select(func.count()).select_from(ids)))


def _search(session: Session, caller: Caller | None, wanted: fhir_search.Search) -> _Found:
    if _is_referral(wanted.resource_type):
        return _referrals(session, caller, wanted)
    if wanted.resource_type == "Provenance":
        return _steps(session, caller, wanted)
    return _directory(session, caller, wanted)


def _referrals(session: Session, caller: Caller | None, wanted: fhir_search.Search) -> _Found:
    # A client that asks for changes since a time gets the oldest change first, to continue from the last one.
    by_change = any(name == "_lastUpdated" for name, _ in wanted.conditions)
    at = Referral.updated_at if by_change else Referral.assigned_at
    cursor_order = f"FHIR referrals by {at.key}"
    order = (at, Referral.id) if by_change else (at.desc(), Referral.id.desc())
    statement = (
        select(
            Referral,
            Queue,
            QueueStatus,
            Resource.name,
            ContactRecord.number,
            Resource.record["taxonomy_codes"].label("taxonomy_codes"),
        )
        .join(Queue, Queue.id == Referral.queue_id)
        .join(Resource, Resource.id == Referral.program_id)
        .join(
            QueueStatus, and_(QueueStatus.queue_id == Referral.queue_id, QueueStatus.key == Referral.status)
        )
        .join(ContactRecord, ContactRecord.id == Referral.contact_record_id)
        .where(visible_to(caller), *(_of_referral(wanted, *each) for each in wanted.conditions))
        .order_by(*order)
    )
    if wanted.count == 0:
        return _Found.counted(session, statement)
    if wanted.after is not None:
        last_at, last_id = fhir_queries.place_of(wanted.after, cursor_order, datetime.datetime, str)
        place = tuple_(literal(last_at, at.type), literal(last_id))
        here = tuple_(at, Referral.id)
        statement = statement.where(here > place if by_change else here < place)
    rows = session.execute(statement.limit(wanted.count + 1)).all()
    page = rows[: wanted.count]
    last = page[-1].Referral if len(rows) > len(page) else None
    following = None
    if last is not None:
        following = cursor_of(cursor_order, last.updated_at if by_change else last.assigned_at, last.id)
    return _Found([_referral_facts(row) for row in page], following)


def _of_referral(wanted: fhir_search.Search, name: str, values: Sequence[str]) -> ColumnElement[bool]:
    """The condition of one parameter of Task or ServiceRequest."""
    conditions: dict[str, Callable[[], ColumnElement[bool]]] = {
        "_id": lambda: Referral.id.in_(values),
        "_lastUpdated": lambda: fhir_queries.within(Referral.updated_at, values),
        "status": lambda: _stands_at(_statuses(wanted.resource_type, values)),
        "business-status": lambda: or_(*(_at_status(*_status_token(each, name)) for each in values)),
        "priority": lambda: Referral.priority.in_(_codes(values, name, _PRIORITY, rules.PRIORITIES)),
        "identifier": lambda: ContactRecord.number.in_(_numbers(values)),
        "focus": lambda: Referral.id.in_(_ids(values, ("ServiceRequest",), name)),
        "code": lambda: literal("fulfill").in_(_codes(values, name, _TASK_CODE, rules.TASK_CODES)),
        "owner": lambda: _performed_by(values, name),
        "performer": lambda: _performed_by(values, name),
    }
    return conditions[name]()


def _codes(values: Sequence[str], name: str, system: str, codes: Collection[str] | None = None) -> list[str]:
    return [fhir_search.token_code(value, system, name, codes) for value in values]


def _ids(values: Sequence[str], types: Sequence[str], name: str) -> list[str]:
    return [fhir_search.reference_id(value, types, name)[1] for value in values]


def _statuses(resource_type: str, values: Sequence[str]) -> list[str]:
    if resource_type == "Task":
        return _codes(values, "status", _TASK_STATUS, rules.TASK_STATUSES)
    codes = _codes(values, "status", _REQUEST_STATUS, rules.REQUEST_STATUSES)
    return [code for each in codes for code in rules.task_statuses(each)]


def _stands_at(fhir_codes: Sequence[str]) -> ColumnElement[bool]:
    """Referrals with these codes. A referral that its sender took back at an open status counts as `cancelled`."""
    is_taken_back = and_(Referral.is_terminal, QueueStatus.is_terminal.is_(False))
    stands = and_(or_(Referral.is_open, QueueStatus.is_terminal), QueueStatus.fhir_status.in_(fhir_codes))
    return or_(stands, is_taken_back) if TAKEN_BACK in fhir_codes else stands


def _at_status(queue_id: str | None, code: str) -> ColumnElement[bool]:
    stands = or_(QueueStatus.key == code, QueueStatus.label == code)
    return stands if queue_id is None else and_(QueueStatus.queue_id == queue_id, stands)


def _status_token(value: str, name: str) -> tuple[str | None, str]:
    """The queue's id, if the token names it by its system, and the code of a queue's status.

    Raises Refused `search_refused` for another system and for no code.
    """
    system, _, _ = value.rpartition("|")
    queue = _SYSTEM_OF_STATUSES.fullmatch(system)
    return queue[1] if queue else None, fhir_search.token_code(value, system if queue else None, name)


def _numbers(values: Sequence[str]) -> list[str]:
    codes = _codes(values, "identifier", rules.RECORD_NUMBERS)
    return [number for code in codes if (number := find_contact_record_number(code)) is not None]


def _performed_by(values: Sequence[str], name: str) -> ColumnElement[bool]:
    """Referrals to these programs, or to the programs of these agencies."""
    found = [fhir_search.reference_id(value, ("HealthcareService", "Organization"), name) for value in values]
    programs = [own_id for kind, own_id in found if kind in (None, "HealthcareService")]
    agencies = [own_id for kind, own_id in found if kind == "Organization"]
    return or_(Referral.program_id.in_(programs), is_of_agency(*agencies))


def _referral_facts(row: Any) -> fhir.ReferralFacts:
    referral, status = row.Referral, row.QueueStatus
    return fhir.ReferralFacts(
        id=referral.id,
        version=referral.version,
        updated_at=referral.updated_at,
        organisation_id=referral.organisation_id,
        record_number=row.number,
        queue_id=referral.queue_id,
        queue_name=row.Queue.name,
        program_id=referral.program_id,
        program_name=row.name,
        taxonomy_codes=row.taxonomy_codes or (),
        status_key=status.key,
        status_label=status.label,
        fhir_status=TAKEN_BACK if referral.is_terminal and not status.is_terminal else status.fhir_status,
        priority=referral.priority,
        assigned_at=referral.assigned_at,
        accepted_at=referral.accepted_at,
        ended_at=referral.ended_at,
        due_at=referral.due_at,
        note=referral.note,
        reason_code=referral.reason_code,
        outcome_code=referral.outcome_code,
        enrollment=rules.enrollment_status(status.as_rule().stage, is_waitlisted=referral.is_waitlisted),
    )


def _shown_lines(caller: Caller | None) -> ColumnElement[bool]:
    """Condition on the lines of history that the caller sees: only the partner sees internal notes."""
    return or_(literal(access_scope_of(caller).everything), StatusChange.is_internal.is_(False))


def _steps(session: Session, caller: Caller | None, wanted: fhir_search.Search) -> _Found:
    named = dict(wanted.conditions)
    if not named:
        raise Refused("search_refused", "Name the Task or ServiceRequest: target=Task/….", "target")
    statement = (
        select(StatusChange)
        .join(Referral, Referral.id == StatusChange.referral_id)
        .where(visible_to(caller), _shown_lines(caller))
        .order_by(StatusChange.referral_id, StatusChange.position)
    )
    if "_id" in named:
        statement = statement.where(StatusChange.id.in_(named["_id"]))
    if "target" in named:
        ids = _ids(named["target"], ("Task", "ServiceRequest"), "target")
        statement = statement.where(StatusChange.referral_id.in_(ids))
    if wanted.count == 0:
        return _Found.counted(session, statement)
    if wanted.after is not None:
        referral_id, position = fhir_queries.place_of(wanted.after, _STEPS, str, int)
        place = tuple_(literal(referral_id), literal(position))
        statement = statement.where(tuple_(StatusChange.referral_id, StatusChange.position) > place)
    rows = session.scalars(statement.limit(wanted.count + 1)).all()
    page = rows[: wanted.count]
    following = cursor_of(_STEPS, page[-1].referral_id, page[-1].position) if len(rows) > len(page) else None
    return _Found(list(map(_step_facts, page)), following)


def _step_facts(row: StatusChange) -> fhir.StepFacts:
    members = ("id", "referral_id", "position", "at", "kind", "actor_id", "actor_realm")
    return fhir.StepFacts(**{name: getattr(row, name) for name in members})


def _directory(session: Session, caller: Caller | None, wanted: fhir_search.Search) -> _Found:
    is_program = wanted.resource_type == "HealthcareService"
    level = Resource.level == (Level.PROGRAM if is_program else Level.AGENCY).value
    if is_program:  # and an agency without a program that takes referrals itself
        level = or_(level, Resource.id.in_(select(QueueProgram.program_id)))
    by_change = any(name == "_lastUpdated" for name, _ in wanted.conditions)
    at = Resource.updated_at if by_change else Resource.search_key
    statement = (
        select(Resource, _Agency.name.label("agency_name"))
        .join(_Agency, _Agency.id == Resource.own_agency_id)
        .options(undefer(Resource.record))
        .where(level, _listed(caller, is_program))
        .where(*(_of_resource(name, values) for name, values in wanted.conditions))
        .order_by(at, Resource.id)
    )
    if wanted.count == 0:
        return _Found.counted(session, statement)
    if wanted.after is not None and by_change:
        last_at, last_id = fhir_queries.place_of(wanted.after, _CHANGED, datetime.datetime, str)
        place = tuple_(literal(last_at, Resource.updated_at.type), literal(last_id))
        statement = statement.where(tuple_(Resource.updated_at, Resource.id) > place)
    elif wanted.after is not None:
        key = session.scalar(select(Resource.search_key).where(Resource.id == wanted.after))
        if key is None:
            raise Refused("search_refused", "Search again from the first page.", "_after")
        place = tuple_(literal(key), literal(wanted.after))
        statement = statement.where(tuple_(Resource.search_key, Resource.id) > place)
    rows = session.execute(statement.limit(wanted.count + 1)).all()
    page = rows[: wanted.count]
    now = utc_now()
    lines = lines_of_programs(session, [row.Resource.id for row in page], now) if is_program else {}
    facts = [_program_facts(row, lines, now) for row in page]
    if len(rows) == len(page):
        return _Found(facts)
    last = page[-1].Resource
    return _Found(facts, cursor_of(_CHANGED, last.updated_at, last.id) if by_change else last.id)


def _listed(caller: Caller | None, is_program: bool) -> ColumnElement[bool]:
    scope = access_scope_of(caller)
    if scope.everything:
        return is_shown()  # whoever works for a program sees it, however public it is
    if is_program:
        return scope.of_referrals(Resource.id)
    own = aliased(Resource)
    return Resource.id.in_(select(own.own_agency_id).where(scope.of_referrals(own.id)))


def _of_resource(name: str, values: Sequence[str]) -> ColumnElement[bool]:
    """The condition of one parameter of HealthcareService or Organization."""
    conditions: dict[str, Callable[[], ColumnElement[bool]]] = {
        "_id": lambda: Resource.id.in_(values),
        "_lastUpdated": lambda: fhir_queries.within(Resource.updated_at, values),
        "identifier": lambda: Resource.number.in_(_codes(values, name, rules.RESOURCE_NUMBERS)),
        "active": lambda: or_(*(_is_active(fhir_search.flag(value, name)) for value in values)),
        "organization": lambda: is_of_agency(*_ids(values, ("Organization",), name)),
        "name": lambda: _begins_with(values),
    }
    return conditions[name]()


def _is_active(wanted: bool) -> ColumnElement[bool]:
    inactive = ResourceStatus.INACTIVE.value
    return Resource.status != inactive if wanted else Resource.status == inactive


def _begins_with(values: Sequence[str]) -> ColumnElement[bool]:
    """Names that begin with one of the values, without regard to case and accents (search.html, section "string")."""
    keys = [key for value in values if (key := search_key(value))]
    return or_(false(), *(Resource.search_key.startswith(key, autoescape=True) for key in keys))


def _program_facts(row: Any, lines: dict[str, Any], now: datetime.datetime) -> fhir.ProgramFacts:
    resource = row.Resource
    return fhir.ProgramFacts(
        id=resource.id,
        version=resource.version,
        updated_at=resource.updated_at,
        number=resource.number,
        name=resource.name,
        is_active=resource.status != ResourceStatus.INACTIVE.value,
        record=resource.record,
        is_referable=resource.status == ResourceStatus.ACTIVE.value,
        agency_id=resource.own_agency_id,
        agency_name=row.agency_name,
        message=shown_message(resource.temporary_message, now.date()),
        lines=lines.get(resource.id, ()),
    )


_SHAPES: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "Task": fhir.task,
    "ServiceRequest": fhir.service_request,
    "HealthcareService": fhir.healthcare_service,
    "Organization": fhir.organization,
    "Provenance": fhir.provenance,
}
