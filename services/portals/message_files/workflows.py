"""Files in conversations in several steps: screened outside of any transaction, then recorded.

A crash in between leaves a file to which nothing refers; it is deleted later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.portals.inbox import queries as inbox
from services.portals.message_files import handlers
from services.portals.people import asking
from services.portals.portal_queue import queries as portal_queue
from services.portals.portal_queue import rules
from services.portals.screened_files import taking_in
from services.portals.screened_files.taking_in import Kept


def send_my_file(call: Call) -> Any:
    """Screen an uploaded file, keep it, and write on by it."""
    if call.is_repeated():
        return call.answer_again()
    call.check(_require_thread, call.request["thread_id"])
    return call.commit(handlers.send_my_file, call.caller, _taken_in(call))


def send_file_to_person(call: Call) -> Any:
    """Screen an uploaded file, keep it, and answer an item by it."""
    if call.is_repeated():
        return call.answer_again()
    with call.reading(call.organisation_id) as session:
        item = portal_queue.found(session, call.request["item_id"])
        rules.require_open(item)
    rules.require_person(item.known_person_id)
    person = asking.addressee(call, item.person_id) if item.account_id is None else None
    return call.commit(handlers.send_file_to_person, person, _taken_in(call))


def open_file(call: Call, query: Callable[..., Any]) -> Any:
    """Where the bytes of a file are. That somebody opened it is audited."""
    with call.reading(call.organisation_id) as session:
        found = query(session, call.caller, **call.request)
    call.note_reading(
        "message.file_opened", "message", call.request["message_id"], person_id=found["person_id"]
    )
    return call.operation.reply.dump(found)


def _taken_in(call: Call) -> Kept:
    sha256 = call.request["document"]["sha256"]
    return taking_in.take_in(call.runtime.blobs, str(call.organisation_id), sha256)


def _require_thread(session: Session, caller: Caller, thread_id: str) -> None:
    inbox.found(session, caller, thread_id)
