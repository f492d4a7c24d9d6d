"""Commands on files in conversations, each one transaction. The file is in the store."""

from __future__ import annotations

from typing import Any

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.portals.portal_queue import LEFT_OPEN
from services.portals.inbox import handlers as inbox
from services.portals.messages import writing
from services.portals.people.asking import Addressee
from services.portals.portal_queue import handlers as portal_queue
from services.portals.portal_queue import items, queries
from services.portals.screened_files.taking_in import Kept


def send_my_file(unit: UnitOfWork, caller: Caller, kept: Kept, *, thread_id: str) -> dict[str, Any]:
    """Write on in a conversation by a file. Raises Refused `not_found`, `too_many_requests`."""
    return inbox.write_on(unit, caller, thread_id, "", kept)


def send_file_to_person(
    unit: UnitOfWork, person: Addressee | None, kept: Kept, *, item_id: str, notify: bool
) -> dict[str, Any]:
    """Answer an item by a file. `person` is asked for where no account has written the item.

    Raises Refused `not_found`, `item_archived`, `no_portal_account`.
    """
    item = portal_queue.open_item(unit, item_id)
    thread = writing.locked_thread(unit, item.thread_id)
    account_ids = portal_queue.recipients(item, person, writing.readers_of(thread))
    writing.write_as_staff(
        unit, thread, "", account_ids=account_ids, item_id=item.id, notify=notify, file=kept
    )
    items.note_answered(unit, item, LEFT_OPEN)
    return queries.view(item, unit.now)
