"""Services at their locations, as HSDS lists them: programs at sites, and services at an address of their own."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.spelling import postal_code_key
from services.referrals.directory.models import Resource, ResourceKey
from services.referrals.directory.queries import is_shown
from services.referrals.directory.rules import POSTAL_CODE, Level
from services.referrals.hsds.objects import (
    Object,
    Row,
    at_location_of,
    location_of,
    own_at_location,
    own_at_location_of,
    short,
)
from services.referrals.hsds.queries import (
    carriers_of,
    is_program_of,
    is_service,
    is_site_of,
    narrowed,
    resources_page,
    rows_of,
    services_of,
)

_Program, _Site = aliased(Resource), aliased(Resource)


def list_hsds_service_at_locations(
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
    postcode: str | None,
    full: bool,
) -> dict[str, Any]:
    """A page of services at locations, in the order of their numbers. One has the terms and the postal code of its parts."""
    conditions = [or_(_is_placed(), _is_at_its_own()), *narrowed(search, modified_after, organization_id)]
    carriers = carriers_of(taxonomy_id, taxonomy_term_id)
    conditions += [_itself_or(is_program_of(_Program), _Program, found) for found in carriers]
    if postcode is not None:
        key = postal_code_key(postcode)
        found = select(ResourceKey.resource_id).where(ResourceKey.kind == POSTAL_CODE, ResourceKey.key == key)
        conditions.append(_itself_or(is_site_of(_Site), _Site, found))

    def make(rows: list[Row]) -> list[Object]:
        made = _at_locations_of(session, rows, is_full=full)
        return made if full else [_short(each) for each in made]

    return resources_page(session, conditions, make, number=page, size=per_page, after=after)


def get_hsds_service_at_location(
    session: Session, _caller: Caller | None, *, service_at_location_id: str
) -> Object:
    """One service at a location in full. Raises Refused `not_found`."""
    own_id = own_at_location(service_at_location_id)
    is_it = or_(
        and_(Resource.id == service_at_location_id, _is_placed()),
        and_(Resource.id == own_id, _is_at_its_own()),
    )
    rows = rows_of(session, [is_it], limit=1)
    if not rows:
        raise Refused(
            "not_found", "There is no service at a location with this id.", "service_at_location_id"
        )
    return _at_locations_of(session, rows, is_full=True)[0]


def _is_placed() -> ColumnElement[bool]:
    """Condition: a program at a site whose program and site are shown."""
    program, site = aliased(Resource), aliased(Resource)
    has_program = exists().where(
        is_program_of(program), program.agency_id == Resource.agency_id, is_shown(program)
    )
    has_site = exists().where(is_site_of(site), is_shown(site))
    return and_(Resource.level == Level.PROGRAM_AT_SITE.value, is_shown(), has_program, has_site)


def _is_at_its_own() -> ColumnElement[bool]:
    return and_(Resource.has_place, is_service())


def _itself_or(is_part: ColumnElement[bool], part: Any, found: Any) -> ColumnElement[bool]:
    """Condition: the resource is among those found, or, of a program at a site, this part of it is."""
    return or_(Resource.id.in_(found), and_(_is_placed(), exists().where(is_part, part.id.in_(found))))


def _at_locations_of(session: Session, rows: Sequence[Row], *, is_full: bool) -> list[Object]:
    """The objects of these resources, each with its service and its location."""
    at_sites = [row for row in rows if row.level == Level.PROGRAM_AT_SITE.value]
    numbers = {row.record.get(f"{part}_number") for row in at_sites for part in ("program", "site")}
    parts = {row.number: row for row in rows_of(session, [Resource.number.in_(numbers), is_shown()])}
    placed: dict[str, tuple[Row, Row]] = {}
    for row in at_sites:
        program = parts.get(row.record.get("program_number") or "")
        site = parts.get(row.record.get("site_number") or "")
        if program is not None and site is not None and program.agency_id == row.agency_id:
            placed[row.id] = program, site
    offered = {row.id: row for row in rows if row.id not in placed}
    offered |= {program.id: program for program, _ in placed.values()}
    services = dict(zip(offered, services_of(session, list(offered.values()), is_full=is_full), strict=True))
    made = []
    for row in rows:
        program, site = placed.get(row.id, (row, None))
        service = {
            name: value for name, value in services[program.id].items() if name != "service_at_locations"
        }
        if site is None:
            made.append(own_at_location_of(row) | {"service": service})
        else:
            agency_name = service.get("organization", {}).get("name")
            location = location_of(site, agency_name if site.agency_id == program.agency_id else None)
            made.append(at_location_of(row, location, agency_name) | {"service": service})
    return made


def _short(made: Object) -> Object:
    """Without lists, but with the attributes, as HSDS lists it."""
    return short(made) | {"location": short(made["location"])}
