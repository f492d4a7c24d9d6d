"""Questions about the resource directory."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.orm import Session, aliased

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.referrals.directory.models import Resource
from services.referrals.directory.rules import (
    SEARCHABLE_LEVELS,
    Level,
    ResourceStatus,
    TemporaryMessage,
    search_key,
)

_Agency = aliased(Resource)


def known_agency_numbers(session: Session) -> frozenset[str]:
    """Numbers of the agencies that the organisation's directory holds."""
    return frozenset(session.scalars(select(Resource.number).where(Resource.level == Level.AGENCY.value)))


def search_resources(session: Session, _caller: Caller | None, request: Any) -> dict[str, Any]:
    """Agencies and programs whose name holds every word that was typed (S0-20).

    The name itself comes first, then names that begin so, then names with a word that begins so; inactive ones last.
    """
    wanted = search_key(request["q"])
    if not wanted:
        return {"items": []}
    key = Resource.search_key
    rank = case((key == wanted, 0), (key.startswith(wanted), 1), (key.contains(f" {wanted}"), 2), else_=3)
    statement = (
        _resources()
        .where(Resource.level.in_([level.value for level in SEARCHABLE_LEVELS]))
        .where(*(key.contains(word) for word in wanted.split()))
        .order_by(Resource.status == ResourceStatus.INACTIVE.value, rank, key, Resource.id)
        .limit(request["limit"])
    )
    return {"items": [_view(*row) for row in session.execute(statement)]}


def get_resource(session: Session, _caller: Caller | None, request: Any) -> dict[str, Any]:
    """One resource. Raises Refused `not_found`."""
    return _one(session, request["resource_id"], "not_found")


def describe_resource(session: Session, _caller: Caller | None, request: Any) -> dict[str, Any]:
    """One resource, for another service. Raises Refused `resource_not_found`."""
    return _one(session, request["resource_id"], "resource_not_found")


def get_program(session: Session, program_id: str, absent: str = "not_found") -> Resource:
    """The row of a program. Raises Refused `absent` (no such resource) or `not_a_program`."""
    resource = session.get(Resource, program_id)
    if resource is None:
        raise Refused(absent, "There is no resource with this id.", "program_id")
    if resource.level != Level.PROGRAM.value:
        raise Refused("not_a_program", "This is no program; choose one of its programs.", "program_id")
    return resource


def _one(session: Session, resource_id: str, absent: str) -> dict[str, Any]:
    row = session.execute(_resources().where(Resource.id == resource_id)).one_or_none()
    if row is None:
        raise Refused(absent, "There is no resource with this id.", "resource_id")
    return _view(*row)


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
        "temporary_message": _shown_message(resource.temporary_message, utc_now().date()),
    }


def _shown_message(message: dict[str, str] | None, today: datetime.date) -> str | None:
    if message is None:
        return None
    appears, expires = message.get("appears_on"), message.get("expires_on")
    dated = TemporaryMessage(
        message["text"],
        datetime.date.fromisoformat(appears) if appears else None,
        datetime.date.fromisoformat(expires) if expires else None,
    )
    return dated.text if dated.is_shown_on(today) else None
