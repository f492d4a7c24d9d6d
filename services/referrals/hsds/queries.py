"""The directory for systems that speak HSDS 3.1: pages as its API describes them, and all of it as one file."""

from __future__ import annotations

import datetime
import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.referrals.hsds import MOST_OF_PAGE
from services.contracts.spelling import search_key
from services.referrals.directory.models import Resource, ResourceKey, TaxonomyTerm
from services.referrals.directory.queries import is_shown
from services.referrals.directory.rules import TERM, Level
from services.referrals.directory.terms import TAXONOMIES
from services.referrals.hsds.capacities import hsds_capacity_of
from services.referrals.hsds.objects import (
    Object,
    Row,
    at_location_of,
    location_of,
    organization_of,
    service_of,
    taxonomy_id_of,
    uuid_of,
)

Read = Callable[[Callable[[Session], Any]], Any]
AT_ONCE = 200
_ORDER = "hsds"
_Own = aliased(Resource)
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
    after: str | None,
    search: str | None,
    modified_after: datetime.datetime | None,
    organization_id: str | None,
    taxonomy_id: str | None,
    taxonomy_term_id: str | None,
    full: bool,
    minimal: bool,
) -> dict[str, Any]:
    """A page of services, in the order of their numbers. Raises Refused `invalid_request`."""
    if minimal and full:
        raise Refused("invalid_request", "minimal: give either `minimal` or `full`.", "minimal")
    if per_page > MOST_OF_PAGE and not minimal:
        detail = f"per_page: at most {MOST_OF_PAGE}, or more with `minimal`."
        raise Refused("invalid_request", detail, "per_page")
    carriers = (Resource.id.in_(found) for found in carriers_of(taxonomy_id, taxonomy_term_id))
    conditions = [is_service(), *narrowed(search, modified_after, organization_id), *carriers]
    if minimal:
        columns = (Resource.id, Resource.number, Resource.updated_at)
        rows, total = _found(session, columns, conditions, number=page, size=per_page, after=after)
        contents: list[Object] = [
            {"id": uuid_of(row.id), "modified_date": row.updated_at.isoformat(timespec="milliseconds")}
            for row in rows
        ]
        return page_of(contents, total, number=page, size=per_page, following=_following(rows))

    def make(rows: list[Row]) -> list[Object]:
        return services_of(session, rows, is_full=full)

    return resources_page(session, conditions, make, number=page, size=per_page, after=after)


def list_hsds_organizations(
    session: Session,
    _caller: Caller | None,
    *,
    page: int,
    per_page: int,
    after: str | None,
    search: str | None,
    modified_after: datetime.datetime | None,
    taxonomy_id: str | None,
    taxonomy_term_id: str | None,
    full: bool,
) -> dict[str, Any]:
    """A page of organizations, in the order of their numbers. Those with a term are those whose services have it, too."""
    carriers = (
        or_(
            Resource.id.in_(found),
            Resource.id.in_(select(_Own.agency_id).where(_Own.id.in_(found), is_shown(_Own))),
        )
        for found in carriers_of(taxonomy_id, taxonomy_term_id)
    )
    conditions = [_is_organization(), *narrowed(search, modified_after), *carriers]

    def make(rows: list[Row]) -> list[Object]:
        return organizations_of(session, rows) if full else [organization_of(row) for row in rows]

    return resources_page(session, conditions, make, number=page, size=per_page, after=after)


def get_hsds_service(session: Session, _caller: Caller | None, *, service_id: str) -> Object:
    """One service in full. Raises Refused `not_found`."""
    rows = rows_of(session, [Resource.id == service_id, is_service()], limit=1)
    if not rows:
        raise Refused("not_found", "There is no service with this id.", "service_id")
    return services_of(session, rows)[0]


def get_hsds_organization(session: Session, _caller: Caller | None, *, organization_id: str) -> Object:
    """One organization in full. Raises Refused `not_found`."""
    rows = rows_of(session, [Resource.id == organization_id, _is_organization()], limit=1)
    if not rows:
        raise Refused("not_found", "There is no organization with this id.", "organization_id")
    return organizations_of(session, rows)[0]


def services_of(session: Session, rows: Sequence[Row], *, is_full: bool = True) -> list[Object]:
    """Services with their related objects, in six statements for any number of services."""
    # Agencies are found by number, because the numbers of an organisation are indexed.
    parents = {row.record.get("parent_number") for row in rows}
    agencies = {row.id: row for row in rows_of(session, [Resource.number.in_(parents)])}
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
    return count_of(session, _is_organization()) + count_of(session, is_service())


def whole_directory(read: Read, count: Callable[[], Any] = lambda: None) -> Iterator[bytes]:
    """The whole directory as the pieces of one JSON text.

    `read(query)` runs a query in its own session, so that no session is open while a piece is written. `count()` is
    called for each organization and service.
    """
    yield b'{"hsds_version":"3.1","organizations":['
    yield from _listed(_by_number(read, _is_organization(), organizations_of), count)
    yield b'],"services":['
    yield from _listed(_by_number(read, is_service(), services_of), count)
    yield b"]}"


def _listed(objects: Iterator[Object], count: Callable[[], Any]) -> Iterator[bytes]:
    comma = b""
    for each in objects:
        yield comma + orjson.dumps(each)
        comma = b","
        count()


def _by_number(
    read: Read, condition: ColumnElement[bool], make: Callable[[Session, list[Row]], list[Object]]
) -> Iterator[Object]:
    after = ""
    while True:
        following = [condition, Resource.number > after]
        rows, objects = read(functools.partial(_made, conditions=following, make=make))
        yield from objects
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].number


def _made(
    session: Session, *, conditions: list[Any], make: Callable[[Session, list[Row]], list[Object]]
) -> tuple[list[Row], list[Object]]:
    rows = rows_of(session, conditions, AT_ONCE)
    return rows, make(session, rows)


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
        for site in rows_of(
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


def is_service() -> ColumnElement[bool]:
    """Condition: the resource is a service of HSDS: a program, or a program at a site that has no place.

    A place is missing where the directory has no such program of its agency, or no such site.
    """
    program, site, hidden = aliased(Resource), aliased(Resource), aliased(Resource)
    has_place = exists().where(
        is_program_of(program), program.agency_id == Resource.agency_id, is_site_of(site)
    )
    is_hidden = exists().where(or_(is_program_of(hidden), is_site_of(hidden)), hidden.is_public.is_(False))
    is_apart = and_(Resource.level == Level.PROGRAM_AT_SITE.value, ~has_place, ~is_hidden)
    return and_(or_(Resource.level == Level.PROGRAM.value, is_apart), is_shown())


def is_program_of(program: Any) -> ColumnElement[bool]:
    """Condition: this is the program that a program at a site names."""
    is_it = program.number == Resource.record["program_number"].as_string()
    return and_(program.level == Level.PROGRAM.value, is_it)


def is_site_of(site: Any) -> ColumnElement[bool]:
    """Condition: this is the site that a program at a site names."""
    return and_(site.level == Level.SITE.value, site.number == Resource.record["site_number"].as_string())


def _is_organization() -> ColumnElement[bool]:
    return and_(Resource.level == Level.AGENCY.value, is_shown())


def count_of(session: Session, *conditions: ColumnElement[bool]) -> int:
    """The number of resources with these conditions."""
    return session.scalar(select(func.count()).select_from(Resource).where(*conditions)) or 0


def rows_of(session: Session, conditions: Sequence[Any], limit: int | None = None) -> list[Row]:
    """The resources with these conditions, in the order of their numbers."""
    statement = select(*_COLUMNS).where(*conditions).order_by(Resource.number).limit(limit)
    return [Row(*row) for row in session.execute(statement)]


def _of_agencies(session: Session, level: Level, agency_ids: Iterable[str]) -> list[Row]:
    """The resources of this level that belong to these agencies, in the order of their numbers.

    They are sorted here: with ORDER BY, SQLite would read the whole directory by number instead of these agencies' part.
    """
    wanted = (Resource.level == level.value, Resource.agency_id.in_(agency_ids), is_shown())
    statement = select(*_COLUMNS).where(*wanted)
    return sorted((Row(*row) for row in session.execute(statement)), key=lambda row: row.number)


def narrowed(
    search: str | None, modified_after: datetime.datetime | None, organization_id: str | None = None
) -> list[ColumnElement[bool]]:
    """The conditions of the filters that lists of HSDS have in common."""
    words = search_key(search or "").split()
    conditions = [Resource.search_key.contains(word, autoescape=True) for word in words]
    if modified_after is not None:
        conditions.append(Resource.updated_at >= modified_after)
    if organization_id is not None:
        conditions.append(Resource.agency_id == organization_id)
    return conditions


def carriers_of(taxonomy_id: str | None, taxonomy_term_id: str | None) -> Iterator[Select[str]]:
    """The ids of resources that carry any term of this taxonomy, and of those that carry this term."""
    carriers = select(ResourceKey.resource_id).where(ResourceKey.kind == TERM)
    if taxonomy_id is not None:
        names = [each for each in TAXONOMIES if taxonomy_id_of(each) == taxonomy_id]
        terms = select(TaxonomyTerm.id).where(TaxonomyTerm.taxonomy.in_(names))
        yield carriers.where(ResourceKey.key.in_(terms))
    if taxonomy_term_id is not None:
        yield carriers.where(ResourceKey.key == taxonomy_term_id)


def resources_page(
    session: Session,
    conditions: Sequence[ColumnElement[bool]],
    make: Callable[[list[Row]], list[Object]],
    *,
    number: int,
    size: int,
    after: str | None,
) -> dict[str, Any]:
    """A page of the objects that `make` makes of the resources with these conditions, in the order of their numbers.

    Raises Refused `invalid_request` for a cursor of another list.
    """
    rows, total = _found(session, _COLUMNS, conditions, number=number, size=size, after=after)
    contents = make([Row(*row) for row in rows])
    return page_of(contents, total, number=number, size=size, following=_following(rows))


def _found(
    session: Session,
    columns: Sequence[Any],
    conditions: Sequence[ColumnElement[bool]],
    *,
    number: int,
    size: int,
    after: str | None,
) -> tuple[Sequence[Any], int]:
    """The rows of a page, and how many there are in all (after the cursor)."""
    wanted = list(conditions)
    if after is not None:
        (last,) = read_cursor(after, _ORDER, str)
        wanted.append(Resource.number > last)
    statement = select(*columns).where(*wanted).order_by(Resource.number)
    rows = session.execute(statement.limit(size).offset((number - 1) * size)).all()
    return rows, count_of(session, *wanted)


def _following(rows: Sequence[Any]) -> str | None:
    return cursor_of(_ORDER, rows[-1].number) if rows else None


def page_of(
    contents: list[Object], total: int, *, number: int, size: int, following: str | None
) -> dict[str, Any]:
    """A page as the HSDS API describes it; page numbers begin with 1. `following` is the cursor for the next page, if there is one."""
    pages = -(-total // size)
    is_last = number >= pages
    return {
        "total_items": total,
        "total_pages": pages,
        "page_number": number,
        "size": len(contents),
        "first_page": number == 1,
        "last_page": is_last,
        "empty": not contents,
        "contents": contents,
        "next": None if is_last else following,
    }
