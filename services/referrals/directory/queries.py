"""Queries about the resource directory."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, undefer

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.referrals.directory.edits import HAND_ADDRESSES, hand_address
from services.referrals.directory.keys import numbers_by_key
from services.referrals.directory.models import Resource
from services.referrals.directory.name_index import NameIndex
from services.referrals.directory.rules import (
    ALONE_LEVELS,
    SEARCHABLE_LEVELS,
    Level,
    ResourceStatus,
    TemporaryMessage,
    check_may_be_referred_to,
)
from services.referrals.directory.terms import terms_of
from services.referrals.directory.withheld import as_marked
from services.referrals.models import Referral
from services.referrals.workflow.queries import workflow_of

STAFF_REALM = "staff"
_Agency = aliased(Resource)
# Members of a record that repeat columns of the resource.
_IN_COLUMNS = ("number", "level", "name", "status", "parent_number", "parent_name", "temporary_message")
_TEXTS = (
    "alternate_name", "description", "email", "website", "hours", "eligibility", "application_process", "fees",
)  # fmt: skip
_LISTS = ("phones", "languages", "taxonomy_terms", "taxonomy_codes")


def search_resources(
    session: Session,
    caller: Caller | None,
    names: NameIndex,
    *,
    q: str,
    limit: int,
    include_inactive: bool,
    level: str | None,
) -> dict[str, Any]:
    """Agencies and programs (S0-20), or those of one level, for which the typed text stands, best first.

    First come those with this number, phone number or postal code, then those whose names match every typed word, or
    nearly, in the order of `Names.find`, then those with a taxonomy term that begins so, then those that have each typed
    word in a name, a term or a town. Inactive ones are found only with
    `include_inactive`.
    """
    levels = SEARCHABLE_LEVELS if level is None else (Level(level),)
    wanted = [
        Resource.level.in_([each.value for each in levels]),
        Resource.retired_at.is_(None),
        *shown_to(caller),
    ]
    if not include_inactive:
        wanted.append(Resource.status != ResourceStatus.INACTIVE.value)
    exact, by_term = numbers_by_key(session, q, limit, *wanted)
    # The names of one of the two levels that are kept together are told apart only by their rows.
    most = limit if level in (None, Level.SITE.value) else 2 * limit
    by_name = names.find(session, q, most, include_inactive=include_inactive, sites=level == Level.SITE.value)
    found = list(dict.fromkeys([*exact, *by_name, *by_term]))
    # By number, because the organisation and number have an index.
    statement = _resources().where(Resource.number.in_(found), *wanted)
    rows = {row[0].number: row for row in session.execute(statement)}
    return {"items": [_view(*rows[number]) for number in found if number in rows][:limit]}


def shown_to(caller: Caller | None) -> tuple[ColumnElement[bool], ...]:
    """The conditions on a resource that the caller may see: outside the staff, those that are public (`is_shown`)."""
    return () if _is_staff(caller) else (is_shown(),)


def _is_staff(caller: Caller | None) -> bool:
    return caller is not None and caller.kind == "account" and caller.realm == STAFF_REALM


def is_shown(resource: Any = Resource) -> ColumnElement[bool]:
    """The condition that a resource may be shown outside the staff: it is public, and so is its agency."""
    agency = aliased(Resource)
    hidden = exists().where(agency.id == resource.agency_id, agency.is_public.is_(False))
    return and_(resource.is_public, ~hidden)


def list_resources(
    session: Session,
    caller: Caller | None,
    *,
    level: str | None,
    agency_id: str | None,
    status: str | None,
    include_retired: bool,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of resources by name, filtered by level, agency and status. Raises Refused `invalid_request`."""
    filters = ((Resource.level, level), (Resource.agency_id, agency_id), (Resource.status, status))
    wanted = (column == value for column, value in filters if value is not None)
    statement = _resources().where(*wanted, *shown_to(caller))
    if not include_retired:
        statement = statement.where(Resource.retired_at.is_(None))
    if after is not None:
        last = session.get(Resource, after)
        if last is None:
            raise Refused("invalid_request", "There is no such page; begin again without `after`.", "after")
        statement = statement.where(
            or_(
                Resource.search_key > last.search_key,
                and_(Resource.search_key == last.search_key, Resource.id > last.id),
            )
        )
    ordered = statement.order_by(Resource.search_key, Resource.id).limit(limit + 1)
    rows = session.execute(ordered).all()
    page = rows[:limit]
    return {
        "items": [_view(*row) for row in page],
        "next": page[-1][0].id if len(rows) > len(page) else None,
    }


def get_resource(session: Session, caller: Caller | None, *, resource_id: str) -> dict[str, Any]:
    """One resource with all its details. Raises Refused `not_found`."""
    return details_of(session, caller, resource_id, *shown_to(caller))


def describe_resource(session: Session, _caller: Caller | None, *, resource_id: str) -> dict[str, Any]:
    """One resource, for another service. Raises Refused `resource_not_found`."""
    row = session.execute(_resources().where(Resource.id == resource_id)).one_or_none()
    if row is None:
        raise Refused("resource_not_found", "There is no resource with this id.", "resource_id")
    return _view(*row)


def get_program(session: Session, program_id: str, absent: str = "not_found") -> Resource:
    """The row of a program. Raises Refused `absent` (no such resource) or `not_a_program`."""
    return as_program(session, session.get(Resource, program_id), absent)


def as_program(session: Session, resource: Resource | None, absent: str = "not_found") -> Resource:
    """The resource, if it was found and takes referrals as a program does. Raises Refused as `get_program`.

    Where the organisation allows it, an agency without a program takes referrals itself, and so do its sites.
    """
    if resource is None:
        raise Refused(absent, "There is no resource with this id.", "program_id")
    if resource.level == Level.PROGRAM.value:
        return resource
    if resource.level not in ALONE_LEVELS or _has_program(session, resource.own_agency_id):
        raise Refused("not_a_program", "This is no program; choose one of its programs.", "program_id")
    if not workflow_of(session).can_refer_to_agencies:
        detail = "It has no program; the workflow settings can let agencies without a program take referrals."
        raise Refused("not_a_program", detail, "program_id")
    return resource


def _has_program(session: Session, agency_id: str) -> bool:
    programs = select(Resource.id).where(
        Resource.agency_id == agency_id,
        Resource.level == Level.PROGRAM.value,
        Resource.retired_at.is_(None),
    )
    return session.scalars(programs.limit(1)).first() is not None


def check_referable(session: Session, program: Resource) -> None:
    """Raise Refused (`resource_inactive`, `resource_not_referable`) unless referrals may go to this program."""
    agency = session.get(Resource, program.agency_id) if program.agency_id else None
    check_may_be_referred_to(
        ResourceStatus(program.status), ResourceStatus(agency.status) if agency is not None else None
    )


def is_of_agency(*agency_ids: str) -> ColumnElement[bool]:
    """Condition: the resource's own agency is one of these (`Resource.own_agency_id`), in words that the indexes serve."""
    return or_(
        Resource.agency_id.in_(agency_ids), and_(Resource.agency_id.is_(None), Resource.id.in_(agency_ids))
    )


def count_open_referrals(session: Session, resource_id: str) -> dict[str, int]:
    """The number of open referrals to a resource and, of an agency, to all its programs, by status key."""
    statement = (
        select(Referral.status, func.count().label("open"))
        .join(Resource, Resource.id == Referral.program_id)
        .where(_closes_with(resource_id), Referral.is_open)
        .group_by(Referral.status)
        .order_by(Referral.status)
    )
    return {row.status: row.open for row in session.execute(statement)}


def open_referrals_by_program(session: Session, resource_ids: Collection[str]) -> dict[tuple[str, str], int]:
    """The numbers of open referrals to these resources and, of agencies, to all their programs, by id and name."""
    statement = (
        select(Resource.id, Resource.name, func.count())
        .join(Referral, Referral.program_id == Resource.id)
        .where(_closes_with(*resource_ids), Referral.is_open)
        .group_by(Resource.id, Resource.name)
    )
    return {(own_id, name): count for own_id, name, count in session.execute(statement)}


def _closes_with(*resource_ids: str) -> ColumnElement[bool]:
    """Condition: the resource takes no referrals once these are closed. Programs close with their agency."""
    return or_(Resource.id.in_(resource_ids), is_of_agency(*resource_ids))


def agency_name_of(session: Session, program_id: str) -> str | None:
    """The name of the agency of what takes referrals; None where the directory has no such resource."""
    statement = select(_Agency.name).join(Resource, Resource.own_agency_id == _Agency.id)
    name: str | None = session.scalar(statement.where(Resource.id == program_id))
    return name


def details_of(
    session: Session, caller: Caller | None, resource_id: str, *conditions: ColumnElement[bool]
) -> dict[str, Any]:
    """The members of the contract's ResourceDetails; only staff see what is private. Raises Refused `not_found`."""
    statement = _resources().where(Resource.id == resource_id, *conditions).options(undefer(Resource.record))
    row = session.execute(statement).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no resource with this id.", "resource_id")
    resource, is_staff = row[0], _is_staff(caller)
    record = as_marked(resource.record) if is_staff else resource.record
    phones = [{"kind": "voice", "label": "", **phone} for phone in record.get("phones", ())]
    addresses = {member: hand_address(record, member, shows_private=is_staff) for member in HAND_ADDRESSES}
    named = {*_IN_COLUMNS, *_TEXTS, *_LISTS, *HAND_ADDRESSES, *(() if is_staff else ("private",))}
    return {
        **_view(*row),
        **{name: record.get(name, "") for name in _TEXTS},
        "phones": phones,
        **addresses,
        "languages": record.get("languages", []),
        "taxonomy_terms": [{"name": term.name, "code": term.code} for term in terms_of(record)],
        "message": _message(resource.temporary_message),
        "record": {name: value for name, value in record.items() if name not in named},
        "edited_at": resource.edited_at,
        "retired_at": resource.retired_at,
        "updated_at": resource.updated_at,
    }


def _resources() -> Any:
    return select(Resource, _Agency.name).outerjoin(_Agency, _Agency.id == Resource.agency_id)


def _view(resource: Resource, agency_name: str | None) -> dict[str, Any]:
    return {
        "id": resource.id,
        "number": resource.number,
        "name": resource.name,
        "level": resource.level,
        "status": resource.status,
        "agency_id": resource.agency_id,
        "agency_name": agency_name,
        "temporary_message": shown_message(resource.temporary_message, utc_now().date()),
        "version": resource.version,
    }


def shown_message(message: dict[str, str] | None, today: datetime.date) -> str | None:
    """The text of a stored notice if it is shown on this day, else None."""
    dated = _message(message)
    if dated is None:
        return None
    shown = TemporaryMessage(dated["text"], dated["appears_on"], dated["expires_on"])
    return shown.text if shown.is_shown_on(today) else None


def _message(message: dict[str, str] | None) -> dict[str, Any] | None:
    if message is None:
        return None
    appears, expires = message.get("appears_on"), message.get("expires_on")
    return {
        "text": message["text"],
        "appears_on": datetime.date.fromisoformat(appears) if appears else None,
        "expires_on": datetime.date.fromisoformat(expires) if expires else None,
    }
