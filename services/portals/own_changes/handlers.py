"""Commands on changes that people ask for, each one transaction."""

from __future__ import annotations

from typing import Any

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.portals.own_changes import KIND_OF_SECTION, MESSAGE_TYPE
from services.portals.inbox.handlers import require_within_limits
from services.portals.own_changes import queries, rules
from services.portals.people.asking import Addressee
from services.portals.portal_queue import changes, items
from services.portals.portal_queue import queries as portal_queue
from services.portals.portal_queue.models import OwnChange, QueueItem
from services.portals.portal_queue.rules import require_open
from services.portals.published_items import handlers as published_items
from services.portals.published_items.models import PublishedItem


def request_my_change(
    unit: UnitOfWork,
    caller: Caller,
    person: Addressee,
    values: dict[str, Any] | None,
    *,
    portal: str,
    section: str,
    replaces_id: str | None,
    note: str | None,
) -> dict[str, Any]:
    """Ask for a change. `values` are those of the section's kind, checked.

    Raises Refused `not_found`, `field_not_editable`, `too_many_requests`, `conflict` where the entry waits to be replaced already.
    """
    editable = queries.editable_sections(unit.session, caller, portal)
    seen = queries.sections_seen(caller, person.person_id)
    rules.require_editable(section, [each for each in editable if each in seen])
    rules.require_something(values, replaces_id)
    replaced = _replaced(unit, person, section, replaces_id) if replaces_id else None
    text = rules.in_words(section, values, replaced.values if replaced else None, note)
    require_within_limits(unit, caller, text)
    item = items.add_item(unit, person, MESSAGE_TYPE, text, account_id=caller.id, portal=portal)
    unit.add(OwnChange(item_id=item.id, section=section, values=values, replaces_id=replaces_id))
    return {"item_id": item.id, "thread_id": item.thread_id, "section": section}


def _replaced(unit: UnitOfWork, person: Addressee, section: str, entry_id: str) -> PublishedItem:
    entry = queries.held_entry(unit.session, person.person_id, section, entry_id)
    if entry is None:
        raise Refused("not_found", "Your record has no such entry.", field="replaces_id")
    rules.require_not_waiting(queries.is_waiting_to_replace(unit.session, entry_id))
    return entry


def accept_own_change(unit: UnitOfWork, *, item_id: str) -> dict[str, Any]:
    """Put a change into the record and complete its request.

    Raises Refused `not_found`, `item_archived`, `conflict` where it is in the record already or its entry is not there any more.
    """
    change = queries.found(unit.session, item_id)
    if change.section not in KIND_OF_SECTION:
        raise Refused("not_found", "No change of a section is asked for here.", field="item_id")
    item = held(unit, change)
    if change.replaces_id is not None:
        entry = queries.held_entry(unit.session, item.person_id, change.section, change.replaces_id)
        rules.require_still_there(entry)
        published_items.withdraw_item(unit, item_id=change.replaces_id)
    if change.values is not None:
        published_items.publish_item(
            unit,
            change.values,
            person_id=item.person_id,
            kind=KIND_OF_SECTION[change.section],
            source="person",
            source_reference=item.id,
            valid_from=None,
            valid_until=None,
        )
    return complete(unit, change, item)


def held(unit: UnitOfWork, change: OwnChange) -> QueueItem:
    """The open item of a change that can be accepted, locked. Raises Refused `item_archived`, `version_conflict`, `conflict`."""
    item = items.held_item(unit, change.item_id)
    require_open(item)
    unit.require_version(item)
    rules.require_not_accepted(change.accepted_at)
    return item


def complete(unit: UnitOfWork, change: OwnChange, item: QueueItem) -> dict[str, Any]:
    """Note that a change is in the record, put its request into the archive, and tell whoever has asked for it."""
    change.accepted_at = unit.now
    unit.audit("own_change.accepted", "queue_item", item.id, person_id=item.person_id, section=change.section)
    items.dismiss(unit, item, "completed")
    changes.tell_answered(unit, item, change)
    return portal_queue.view(item, unit.now)
