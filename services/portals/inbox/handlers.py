"""Commands of the inbox, each one transaction."""

from __future__ import annotations

from typing import Any

from services.chassis.database import hold_counter
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.portals.definitions import queries as definitions
from services.portals.inbox import queries, rules
from services.portals.message_types import queries as message_types
from services.portals.messages import writing
from services.portals.messages.models import Thread
from services.portals.people.asking import Addressee
from services.portals.portal_queue import clock, items
from services.portals.portal_queue.queries import settings_of
from services.portals.screened_files.taking_in import Kept


def send_my_message(
    unit: UnitOfWork,
    caller: Caller,
    person: Addressee,
    *,
    portal: str,
    type: str,  # noqa: A002 - the contract's word
    group_id: str | None,
    text: str,
) -> dict[str, Any]:
    """Write to the organisation. Raises Refused `not_found`, `message_type_not_offered`, `too_many_requests`."""
    definition = definitions.admitted(unit.session, caller, portal)
    if not queries.takes_messages(unit.session, caller, portal) or not message_types.is_offered(
        unit.session, definition, type
    ):
        raise Refused(
            "message_type_not_offered",
            "This portal does not send messages of this type any more. Choose another type.",
            field="type",
        )
    require_within_limits(unit, caller, text)
    group = queries.chosen_group(unit.session, type, group_id) if group_id else None
    item = items.add_item(
        unit, person, type, text, account_id=caller.id, portal=definition.portal, group=group
    )
    return queries.view(unit.session.get_one(Thread, item.thread_id), item)


def reply_in_my_thread(unit: UnitOfWork, caller: Caller, *, thread_id: str, text: str) -> dict[str, Any]:
    """Write on in a conversation. Raises Refused `not_found`, `too_many_requests`."""
    return write_on(unit, caller, thread_id, text)


def write_on(
    unit: UnitOfWork, caller: Caller, thread_id: str, text: str, file: Kept | None = None
) -> dict[str, Any]:
    """Write on by a text or a file. An open item gets it; otherwise there is a new item (nothing opens by itself).

    Raises Refused `not_found`, `too_many_requests`.
    """
    queries.found(unit.session, caller, thread_id)
    thread = writing.locked_thread(unit, thread_id)
    require_within_limits(unit, caller, text)
    item = queries.items_of(unit.session, [thread.id]).get(thread.id)
    item = item and items.held_item(unit, item.id)
    if item is not None and item.is_open:
        writing.write_as_person(unit, thread, text, item_id=item.id, file=file)
        if not item.is_waiting:
            item.is_waiting = True
            clock.start_anew(unit, item)
        items.find_by(unit, item, text)
        items.add_step(unit, item, "message_received")
        items.tell_changed(unit, item)
        items.hand_over_if_away(unit, item)
    else:
        person = Addressee(thread.person_id, None, thread.person_name)
        item = items.add_item(
            unit,
            person,
            thread.type,
            text,
            account_id=caller.id,
            portal=thread.portal,
            thread=thread,
            file=file,
        )
    return queries.view(thread, item)


def note_opened(unit: UnitOfWork, caller: Caller, *, thread_id: str) -> None:
    """Note that the caller has opened a conversation. Raises Refused `not_found`."""
    queries.found(unit.session, caller, thread_id)
    thread = writing.locked_thread(unit, thread_id)
    writing.note_opened(unit, thread)
    unit.audit("thread.read", "thread", thread.id, person_id=thread.person_id)


def require_within_limits(unit: UnitOfWork, caller: Caller, text: str) -> None:
    """Raises Refused `too_many_requests`, `invalid_request` for one message too many or too long."""
    hold_counter(unit.session, "messages", caller.id)
    settings = settings_of(unit.session)
    left = queries.left_to_send(unit.session, caller, settings)
    rules.require_within_limits(left, text, settings["most_characters"])
