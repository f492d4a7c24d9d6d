"""Queries of changes that people ask for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.portals.own_changes import KIND_OF_SECTION
from services.portals.configuration import queries as configuration
from services.portals.definitions import queries as definitions
from services.portals.portal_queue.models import OwnChange, QueueItem
from services.portals.published_items.models import PublishedItem
from services.portals.published_items.queries import in_effect, profile_of
from services.portals.published_items.rules import kinds_seen

_MOST = 200


def get_my_sections(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    """The sections of the caller's own record. Raises Refused `not_found`."""
    editable = editable_sections(session, caller, portal)
    person_id = own_person(caller)
    seen = sections_seen(caller, person_id)
    open_changes = (
        select(OwnChange.section, func.count().label("open"))
        .join(QueueItem, QueueItem.id == OwnChange.item_id)
        .where(QueueItem.person_id == person_id, QueueItem.is_open)
        .group_by(OwnChange.section)
    )
    waiting = {row.section: row.open for row in session.execute(open_changes)}
    return {
        "person_id": person_id,
        "items": [
            {
                "section": section,
                "can_edit": section in editable,
                "entries": _entries(session, person_id, KIND_OF_SECTION[section]),
                "waiting": waiting.get(section, 0),
            }
            for section in seen
        ],
    }


def sections_seen(caller: Caller, person_id: str) -> list[str]:
    """The sections of a person's record that the caller's role may see. Raises Refused `not_found`."""
    kinds = kinds_seen(profile_of(caller, person_id)["permissions"])
    return [section for section, kind in KIND_OF_SECTION.items() if kind in kinds]


def _entries(session: Session, person_id: str, kind: str) -> list[dict[str, Any]]:
    """The newest entries of a kind: many of another kind push none of them out."""
    of_kind = (PublishedItem.person_id == person_id, PublishedItem.kind == kind, *in_effect(utc_now()))
    newest = (
        select(PublishedItem).where(*of_kind).order_by(PublishedItem.published_at.desc(), PublishedItem.id)
    )
    return [{"id": each.id, "values": each.values} for each in session.scalars(newest.limit(_MOST))]


def get_own_change(session: Session, _caller: Caller, *, item_id: str) -> dict[str, Any]:
    """The change that an item asks for. Raises Refused `not_found`."""
    change = found(session, item_id)
    replaced = session.get(PublishedItem, change.replaces_id) if change.replaces_id else None
    return {
        "item_id": change.item_id,
        "person_id": session.get_one(QueueItem, change.item_id).person_id,
        "section": change.section,
        "values": change.values,
        "replaces": replaced.values if replaced else None,
        "is_accepted": change.accepted_at is not None,
    }


def found(session: Session, item_id: str) -> OwnChange:
    """The change of an item. Raises Refused `not_found`."""
    change = session.scalars(select(OwnChange).where(OwnChange.item_id == item_id)).one_or_none()
    if change is None:
        raise Refused("not_found", "No change of a record is asked for here.", field="item_id")
    return change


def editable_sections(session: Session, caller: Caller, portal: str) -> list[str]:
    """The sections that people of a portal may ask to change. Raises Refused `not_found`."""
    definition = definitions.admitted(session, caller, portal)
    content = configuration.get_portal_content(session, caller, portal=definition.portal)
    return list(content["editable_sections"])


def own_person(caller: Caller) -> str:
    """The id of the caller's own person. Raises Refused `not_found`."""
    person_id = caller.scope.get("person_id")
    if person_id is None:
        raise Refused("not_found", "You have no record of your own here.", field="portal")
    return str(person_id)


def held_entry(session: Session, person_id: str, section: str, entry_id: str) -> PublishedItem | None:
    """An entry that the person sees in a section of their record, locked until the transaction ends; None: it is not there."""
    return session.scalars(
        select(PublishedItem)
        .where(
            PublishedItem.id == entry_id,
            PublishedItem.person_id == person_id,
            PublishedItem.kind == KIND_OF_SECTION[section],
            *in_effect(utc_now()),
        )
        .with_for_update()
    ).one_or_none()


def is_waiting_to_replace(session: Session, entry_id: str) -> bool:
    """Whether an open request asks to take this entry away."""
    statement = (
        select(OwnChange.item_id)
        .join(QueueItem, QueueItem.id == OwnChange.item_id)
        .where(OwnChange.replaces_id == entry_id, QueueItem.is_open)
    )
    return session.scalar(statement.limit(1)) is not None
