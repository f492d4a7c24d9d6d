"""The directory for systems that speak HSDS 3.1: pages as its API describes them, and all of it as one file."""

from __future__ import annotations

import datetime
import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.spelling import search_key
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import is_shown
from services.referrals.directory.rules import Level
from services.referrals.hsds.capacities import hsds_capacity_of
from services.referrals.hsds.objects import (
    Object,
    Row,
    at_location_of,
    location_of,
    organization_of,
    service_of,
)

Read = Callable[[Callable[[Session], Any]], Any]
AT_ONCE = 200
_COLUMNS = (
    Resource.id,
    Resource.number,
    Resource.level,
    Resource.name,
    Resource.status,
    Resource.agency_id,
    Resource.record,
    Resource.temporary_message,
    Resource.updated_at,
)


def list_hsds_services(
    session: Session,
    _caller: Caller | None,
    *,
    page: int,
    per_page: int,
    search: str | None,
    modified_after: datetime.datetime | None,
    organization_id: str | None,
    full: bool,
) -> dict[str, Any]:
    """A page of services, in the order of their numbers."""
    conditions = [Resource.level == Level.PROGRAM.value, is_shown(), *_filters(search, modified_after)]
    if organization_id is not None:
        conditions.append(Resource.agency_id == organization_id)

    def make(rows: list[Row]) -> list[Object]:
        return services_of(session, rows, is_full=full)

    return _page(session, conditions, make, number=page, size=per_page)


def list_hsds_organizations(
    session: Session,
    _caller: Caller | None,
    *,
    page: int,
    per_page: int,
    search: str | None,
    modified_after: datetime.datetime | None,
    full: bool,
) -> dict[str, Any]:
    """A page of organizations, in the order of their numbers."""
    conditions = [Resource.level == Level.AGENCY.value, is_shown(), *_filters(search, modified_after)]

    def make(rows: list[Row]) -> list[Object]:
        return organizations_of(session, rows) if full else [organization_of(row) for row in rows]

    return _page(session, conditions, make, number=page, size=per_page)


def get_hsds_service(session: Session, _caller: Caller | None, *, service_id: str) -> Object:
    """One service in full. Raises Refused `not_found`."""
    wanted = [Resource.id == service_id, Resource.level == Level.PROGRAM.value, is_shown()]
    rows = _rows(session, wanted, limit=1)
    if not rows:
        raise Refused("not_found", "There is no service with this id.", "service_id")
    return services_of(session, rows)[0]


def get_hsds_organization(session: Session, _caller: Caller | None, *, organization_id: str) -> Object:
    """One organization in full. Raises Refused `not_found`."""
    rows = _rows(session, [Resource.id == organization_id, Resource.level == Level.AGENCY.value], limit=1)
    if not rows:
        raise Refused("not_found", "There is no organization with this id.", "organization_id")
    return organizations_of(session, rows)[0]


def services_of(session: Session, rows: Sequence[Row], *, is_full: bool = True) -> list[Object]:
    """Services with their related objects, in six statements for any number of services."""
    # Agencies are found by number, because the numbers of an organisation are indexed.
    parents = {row.record.get("parent_number") for row in rows}
    agencies = {row.id: row for row in _rows(session, [Resource.number.in_(parents)])}
    organizations = {agency_id: organization_of(row) for agency_id, row in agencies.items()}
    names = {agency_id: row.name for agency_id, row in agencies.items()}
    at_locations = _at_locations(session, rows, names) if is_full else {}
    capacities = hsds_capacity_of(session, [row.id for row in rows]) if is_full else {}
    today = utc_now().date()
    return [
        service_of(
            row,
            organizations.get(row.agency_id or ""),
            at_locations.get(row.number, []),
            capacities.get(row.id, []),
            today,
            is_full=is_full,
        )
        for row in rows
    ]


def organizations_of(session: Session, rows: Sequence[Row]) -> list[Object]:
    """Organizations with their locations."""
    names = {row.id: row.name for row in rows}
    sites = _of_agencies(session, Level.SITE, names)
    locations = defaultdict(list)
    for site in sites:
        locations[site.agency_id].append(location_of(site, names[site.agency_id or ""]))
    return [organization_of(row, locations[row.id]) for row in rows]


def size_of_directory(session: Session) -> int:
    """The number of organizations and services in an export of the whole directory."""
    levels = (Level.AGENCY.value, Level.PROGRAM.value)
    shown = (Resource.level.in_(levels), is_shown())
    counted = session.scalar(select(func.count()).select_from(Resource).where(*shown))
    return (counted or 0) + len(_programs_without_a_place(session))


def whole_directory(read: Read, count: Callable[[], Any] = lambda: None) -> Iterator[bytes]:
    """The whole directory as the pieces of one JSON text.

    `read(query)` runs a query in its own session, so that no session is open while a piece is written. `count()` is
    called for each organization and service.
    """
    yield b'{"hsds_version":"3.1","organizations":['
    agencies = [Resource.level == Level.AGENCY.value, is_shown()]
    yield from _listed(_by_number(read, agencies, organizations_of), count)
    yield b'],"services":['
    programs = _by_number(read, [Resource.level == Level.PROGRAM.value, is_shown()], services_of)
    yield from _listed(chain(programs, _apart(read)), count)
    yield b"]}"


def _listed(objects: Iterator[Object], count: Callable[[], Any]) -> Iterator[bytes]:
    comma = b""
    for each in objects:
        yield comma + orjson.dumps(each)
        comma = b","
        count()


def _by_number(
    read: Read, conditions: list[Any], make: Callable[[Session, list[Row]], list[Object]]
) -> Iterator[Object]:
    after = ""
    while True:
        following = [*conditions, Resource.number > after]
        rows, objects = read(functools.partial(_made, conditions=following, make=make))
        yield from objects
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].number


def _apart(read: Read) -> Iterator[Object]:
    numbers = read(_programs_without_a_place)
    for start in range(0, len(numbers), AT_ONCE):
        some = numbers[start : start + AT_ONCE]
        yield from read(functools.partial(_services_with, numbers=some))


def _made(
    session: Session, *, conditions: list[Any], make: Callable[[Session, list[Row]], list[Object]]
) -> tuple[list[Row], list[Object]]:
    rows = _rows(session, conditions, AT_ONCE)
    return rows, make(session, rows)


def _services_with(session: Session, *, numbers: list[str]) -> list[Object]:
    return services_of(session, _rows(session, [Resource.number.in_(numbers)]))


def _at_locations(
    session: Session, programs: Sequence[Row], names: Mapping[str, str]
) -> dict[str, list[Object]]:
    """The programs at sites, as objects of HSDS, by the number of their program."""
    agencies = {row.number: row.agency_id for row in programs if row.level == Level.PROGRAM.value}
    rows = [
        row
        for row in _of_agencies(session, Level.PROGRAM_AT_SITE, names)
        if agencies.get(row.record.get("program_number") or "") == row.agency_id
    ]
    wanted = {row.record.get("site_number") for row in rows}
    sites = {
        site.number: site
        for site in _rows(
            session, [Resource.level == Level.SITE.value, Resource.number.in_(wanted), is_shown()]
        )
    }
    found: dict[str, list[Object]] = defaultdict(list)
    for row in rows:
        site = sites.get(row.record.get("site_number") or "")
        if site is not None:
            location = location_of(site, names.get(site.agency_id or ""))
            found[row.record["program_number"]].append(
                at_location_of(row, location, names[row.agency_id or ""])
            )
    return found


def _programs_without_a_place(session: Session) -> list[str]:
    """Numbers of programs at sites whose program or site is not in the directory. They are exported as services."""
    program, site = aliased(Resource), aliased(Resource)
    statement = (
        select(Resource.number)
        .outerjoin(
            program,
            and_(
                program.level == Level.PROGRAM.value,
                program.number == Resource.record["program_number"].as_string(),
            ),
        )
        .outerjoin(
            site,
            and_(
                site.level == Level.SITE.value,
                site.number == Resource.record["site_number"].as_string(),
            ),
        )
        .where(
            Resource.level == Level.PROGRAM_AT_SITE.value,
            or_(program.id.is_(None), site.id.is_(None), program.agency_id != Resource.agency_id),
            is_shown(),
            func.coalesce(program.is_public, True),
            func.coalesce(site.is_public, True),
        )
        .order_by(Resource.number)
    )
    return list(session.scalars(statement))


def _rows(session: Session, conditions: Sequence[Any], limit: int | None = None) -> list[Row]:
    statement = select(*_COLUMNS).where(*conditions).order_by(Resource.number).limit(limit)
    return [Row(*row) for row in session.execute(statement)]


def _of_agencies(session: Session, level: Level, agency_ids: Iterable[str]) -> list[Row]:
    """The resources of this level that belong to these agencies, in the order of their numbers.

    They are sorted here: with ORDER BY, SQLite would read the whole directory by number instead of these agencies' part.
    """
    wanted = (Resource.level == level.value, Resource.agency_id.in_(agency_ids), is_shown())
    statement = select(*_COLUMNS).where(*wanted)
    return sorted((Row(*row) for row in session.execute(statement)), key=lambda row: row.number)


def _filters(search: str | None, modified_after: datetime.datetime | None) -> list[ColumnElement[bool]]:
    words = search_key(search or "").split()
    conditions = [Resource.search_key.contains(word, autoescape=True) for word in words]
    if modified_after is not None:
        conditions.append(Resource.updated_at > modified_after)
    return conditions


def _page(
    session: Session,
    conditions: Sequence[ColumnElement[bool]],
    make: Callable[[list[Row]], list[Object]],
    *,
    number: int,
    size: int,
) -> dict[str, Any]:
    """A page as the HSDS API describes it; page numbers begin with 1."""
    total = session.scalar(select(func.count()).select_from(Resource).where(*conditions)) or 0
    statement = (
        select(*_COLUMNS).where(*conditions).order_by(Resource.number).limit(size).offset((number - 1) * size)
    )
    rows = [Row(*row) for row in session.execute(statement)]
    pages = -(-total // size)
    return {
        "total_items": total,
        "total_pages": pages,
        "page_number": number,
        "size": len(rows),
        "first_page": number == 1,
        "last_page": number >= pages,
        "empty": not rows,
        "contents": make(rows),
    }
