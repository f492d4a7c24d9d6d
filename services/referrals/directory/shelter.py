"""Keeps what one resource of an agency withholds from going out by another one, and notes that something was withheld."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import undefer

from services.chassis.unit_of_work import UnitOfWork
from services.referrals.directory.keys import set_keys
from services.referrals.directory.models import DirectoryRevision, Resource, ResourceKey
from services.referrals.directory.queries import is_of_agency
from services.referrals.directory.rules import SHELTERED, WITHHELD, has_place, keys_of
from services.referrals.directory.withheld import Place, as_withheld, place_of, withholds_more

AT_ONCE = 500


def shelter(unit: UnitOfWork, agency_ids: Collection[str], revision: int) -> None:
    """Let all resources of these agencies withhold the places that one of them marks as private, and no others.

    To be called after a write to any of them, at the directory's `revision` of this write.
    """
    ids = sorted(agency_ids)
    for start in range(0, len(ids), AT_ONCE):
        for agency_id, places in _withheld(unit, ids[start : start + AT_ONCE]).items():
            _shelter(unit, agency_id, places, revision)


def note_withholding(unit: UnitOfWork, revision: int) -> None:
    """Note that at this revision something was marked as private that was open before: older exports show it."""
    own = DirectoryRevision.organisation_id == unit.organisation_id
    unit.session.execute(update(DirectoryRevision).where(own).values(withheld_at=revision))


def _withheld(unit: UnitOfWork, agency_ids: Collection[str]) -> dict[str, set[Place]]:
    """The places that resources of each agency withhold. Agencies in which nothing is or was withheld are left out."""
    statement = (
        select(Resource.own_agency_id, ResourceKey.kind, ResourceKey.key)
        .join(Resource, Resource.id == ResourceKey.resource_id)
        .where(ResourceKey.kind.in_((WITHHELD, SHELTERED)))
        .where(or_(Resource.agency_id.in_(agency_ids), Resource.id.in_(agency_ids)))
    )
    found: dict[str, set[Place]] = defaultdict(set)
    for agency_id, kind, key in unit.session.execute(statement):
        found[agency_id] |= {place_of(key)} if kind == WITHHELD else set()
    return found


def _shelter(unit: UnitOfWork, agency_id: str, places: Collection[Place], revision: int) -> None:
    keys: dict[str, Any] = {}
    withholds = False
    family = select(Resource).where(is_of_agency(agency_id)).options(undefer(Resource.record))
    for resource in unit.session.scalars(family):
        record = as_withheld(resource.record, places)
        if record == resource.record:
            continue
        withholds |= withholds_more(resource.record, record)
        resource.record, resource.has_place = record, has_place(record)
        resource.version += 1
        resource.revision, resource.updated_at = revision, unit.now
        keys[resource.id] = keys_of(record)
    unit.session.flush()
    if keys:
        set_keys(unit.session, str(unit.organisation_id), keys)
    if withholds:
        note_withholding(unit, revision)
