"""Editing the directory by hand. An edit stays until the resource's source changes the resource."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from sqlalchemy import func, select
from sqlalchemy.orm import undefer

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals.directory import resource_changed
from services.contracts.spelling import search_key
from services.referrals.directory.edits import edited_record
from services.referrals.directory.keys import set_keys, set_terms
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import count_open_referrals, details_of
from services.referrals.directory.revisions import next_revision
from services.referrals.directory.rules import (
    Level,
    ResourceStatus,
    check_message_dates,
    has_place,
    is_public,
    keys_of,
)
from services.referrals.directory.shelter import note_withholding, shelter
from services.referrals.directory.terms import terms_of
from services.referrals.directory.withheld import as_stated, withholds_more


class Edits(TypedDict, total=False):
    """What an editor says of a resource beside its name. An empty value clears it; what is left out stays as it was."""

    alternate_name: str
    description: str
    email: str
    website: str
    hours: str
    eligibility: str
    application_process: str
    fees: str
    phones: list[Mapping[str, Any]]
    physical_address: Mapping[str, Any] | None
    mailing_address: Mapping[str, Any] | None
    languages: list[str]
    taxonomy_terms: list[Mapping[str, Any]]


def create_resource(
    unit: UnitOfWork,
    *,
    level: str,
    agency_id: str | None,
    number: str | None,
    name: str,
    status: str,
    **edits: Unpack[Edits],
) -> dict[str, Any]:
    """Add a resource.

    Raises Refused(number_taken, resource_not_found, not_an_agency, agency_required, resource_inactive).
    """
    agency = _agency(unit, level, agency_id)
    resource_id = wire.new_id()
    # A generated number has letters, so it never equals the number of an export.
    number = number or f"P-{resource_id[:12]}"
    fixed = {"number": number, "level": level, "name": name, "status": status}
    parent = {"parent_number": agency.number, "parent_name": agency.name} if agency else {}
    revision = next_revision(unit)  # locks the organisation's directory against other writers
    if unit.session.scalar(select(Resource.id).where(Resource.number == number)) is not None:
        raise Refused(
            "number_taken", "The directory has a resource with this number; choose another.", "number"
        )
    record = edited_record({**fixed, **parent}, {**edits, "name": _in_one_line(name)})
    resource = Resource(
        id=resource_id,
        **fixed,
        is_public=is_public(record, status),
        has_place=has_place(record),
        search_key=search_key(name),
        agency_id=agency.id if agency else None,
        fingerprint="",  # differs from every import, so the first import of this number overwrites the resource
        record=record,
        version=1,
        revision=revision,
        temporary_message=None,
        edited_at=unit.now,
        created_at=unit.now,
        updated_at=unit.now,
    )
    unit.add(resource)
    unit.session.flush()
    _index(unit, resource, revision)
    _note(unit, resource, "resource.created", is_new=True)
    return details_of(unit.session, unit.caller, resource.id)


def edit_resource(
    unit: UnitOfWork, *, resource_id: str, name: str | None = None, **edits: Unpack[Edits]
) -> dict[str, Any]:
    """Change the given members of a resource. Raises Refused(not_found, version_conflict).

    Where all values stay as they were, the resource keeps its version.
    """
    resource = _load(unit, resource_id)
    given = {**edits} if name is None else {**edits, "name": _in_one_line(name)}
    before = as_stated(resource.record)
    record = edited_record(before, given)
    name = resource.name if name is None else _in_one_line(name)
    if (record, name) == (before, resource.name):
        return details_of(unit.session, unit.caller, resource.id)
    revision = next_revision(unit)
    if withholds_more(before, record):
        note_withholding(unit, revision)
    resource.record, resource.name, resource.search_key = record, name, search_key(name)
    resource.has_place = has_place(record)
    unit.session.flush()
    _index(unit, resource, revision)
    return _changed(unit, resource, "resource.edited", fields=sorted(given))


def _index(unit: UnitOfWork, resource: Resource, revision: int) -> None:
    """Let the resource be found by its record, and withhold what its agency withholds."""
    set_keys(unit.session, str(unit.organisation_id), {resource.id: keys_of(resource.record)})
    set_terms(unit.session, str(unit.organisation_id), terms_of(resource.record))
    shelter(unit, [resource.own_agency_id], revision)


def set_resource_status(unit: UnitOfWork, *, resource_id: str, status: str, confirm: bool) -> dict[str, Any]:
    """Set whether a resource is active and may be referred to. Another status than inactive brings a retired one back.

    Raises Refused(not_found, version_conflict), and without `confirm` `program_has_open_referrals` for one that closes.
    """
    resource = _load(unit, resource_id)
    if status == ResourceStatus.INACTIVE.value:
        _ask_before_closing(unit, resource, confirm=confirm)
    else:
        resource.retired_at = None
    before = _set_status(unit, resource, status)
    return _changed(unit, resource, "resource.status_set", before=before, after=resource.status)


def retire_resource(unit: UnitOfWork, *, resource_id: str, confirm: bool) -> dict[str, Any]:
    """Take a resource out of the directory. It is inactive, in no list and no search; its referrals and history stay.

    Raises Refused(not_found, version_conflict), `conflict` for an agency that has resources, and without `confirm`
    `program_has_open_referrals`.
    """
    resource = _load(unit, resource_id)
    own = (
        select(func.count())
        .select_from(Resource)
        .where(Resource.agency_id == resource.id, Resource.retired_at.is_(None))
    )
    kept = unit.session.scalar(own)
    if kept:
        detail = f"The agency has {kept} programs and sites in the directory; retire them first."
        raise Refused("conflict", detail, "resource_id", resources=kept)
    _ask_before_closing(unit, resource, confirm=confirm)
    before = _set_status(unit, resource, ResourceStatus.INACTIVE.value)
    resource.retired_at = resource.retired_at or unit.now
    return _changed(unit, resource, "resource.retired", before=before)


def _set_status(unit: UnitOfWork, resource: Resource, status: str) -> str:
    before, resource.status = resource.status, status
    resource.record = resource.record | {"status": status}
    was_public, resource.is_public = resource.is_public, is_public(resource.record, status)
    if was_public and not resource.is_public:
        note_withholding(unit, next_revision(unit))
    return before


def _ask_before_closing(unit: UnitOfWork, resource: Resource, *, confirm: bool) -> None:
    if resource.status == ResourceStatus.INACTIVE.value or confirm:
        return
    counts = count_open_referrals(unit.session, resource.id)
    total = sum(counts.values())
    if total:
        detail = f"{total} referrals to it are open. They stay and can be worked on; confirm to go on."
        raise Refused("program_has_open_referrals", detail, "confirm", open_referrals=total, statuses=counts)


def set_temporary_message(
    unit: UnitOfWork,
    *,
    resource_id: str,
    text: str | None,
    appears_on: datetime.date | None,
    expires_on: datetime.date | None,
) -> dict[str, Any]:
    """Put a dated notice on a resource, or remove it. Raises Refused(not_found, version_conflict, invalid_request)."""
    resource = _load(unit, resource_id)
    check_message_dates(appears_on, expires_on)
    days = {"appears_on": appears_on, "expires_on": expires_on}
    dates = {name: day.isoformat() for name, day in days.items() if day is not None}
    message = {"text": text, **dates} if text is not None else None
    others = {name: value for name, value in resource.record.items() if name != "temporary_message"}
    resource.temporary_message = message
    resource.record = others | ({"temporary_message": message} if message else {})
    return _changed(unit, resource, "resource.message_set", is_set=message is not None)


def _agency(unit: UnitOfWork, level: str, agency_id: str | None) -> Resource | None:
    if level == Level.AGENCY.value:
        if agency_id is not None:
            raise Refused("invalid_request", "agency_id: An agency belongs to no other.", "agency_id")
        return None
    if agency_id is None:
        raise Refused("agency_required", "Say which agency it belongs to: send agency_id.", "agency_id")
    agency: Resource | None = unit.session.get(Resource, agency_id)
    if agency is None:
        raise Refused("resource_not_found", "There is no resource with this id.", "agency_id")
    if agency.level != Level.AGENCY.value:
        raise Refused("not_an_agency", "This is no agency; choose the agency it belongs to.", "agency_id")
    if agency.retired_at is not None:
        raise Refused(
            "resource_inactive", "The agency is retired; choose another one, or bring it back.", "agency_id"
        )
    return agency


def _load(unit: UnitOfWork, resource_id: str) -> Resource:
    resource: Resource | None = unit.session.scalar(
        select(Resource).where(Resource.id == resource_id).options(undefer(Resource.record)).with_for_update()
    )
    if resource is None:
        raise Refused("not_found", "There is no resource with this id.", "resource_id")
    unit.require_version(resource)
    return resource


def _in_one_line(name: str) -> str:
    return " ".join(name.split())


def _changed(unit: UnitOfWork, resource: Resource, action: str, **facts: Any) -> dict[str, Any]:
    resource.version += 1
    resource.revision = next_revision(unit)
    resource.edited_at = resource.updated_at = unit.now
    unit.session.flush()
    _note(unit, resource, action, is_new=False, **facts)
    return details_of(unit.session, unit.caller, resource.id)


def _note(unit: UnitOfWork, resource: Resource, action: str, *, is_new: bool, **facts: Any) -> None:
    unit.audit(action, "resource", resource.id, level=resource.level, version=resource.version, **facts)
    unit.publish(
        resource_changed,
        resource.id,
        {
            "resource_id": resource.id,
            "agency_id": resource.agency_id,
            "level": resource.level,
            "status": resource.status,
            "version": resource.version,
            "is_new": is_new,
        },
    )
