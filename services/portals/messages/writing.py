"""Threads and the messages in them, written within somebody else's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.portals import messages as contract
from services.portals.messages.models import Message, Thread
from services.portals.people.asking import Addressee
from services.portals.screened_files.taking_in import Kept


def begin_thread(
    unit: UnitOfWork,
    person: Addressee,
    message_type: Any,
    *,
    account_id: str | None,
    portal: str | None,
    realms: Iterable[str] = (),
) -> Thread:
    """A new conversation about a person, without a message yet.

    Without an account the person's accounts of these realms read it.
    """
    thread = Thread(
        id=wire.new_id(),
        person_id=person.person_id,
        first_person_id=person.person_id,
        person_name=person.name,
        account_id=account_id,
        portal=portal,
        readers=None if account_id else f" {' '.join(sorted(realms))} ",
        type=message_type.code,
        type_name=message_type.name,
        started_at=unit.now,
        last_at=unit.now,
        messages=0,
        unread=0,
        has_sent=False,
        has_received=False,
    )
    unit.add(thread)
    return thread


def readers_of(thread: Thread) -> list[str]:
    """The realms whose accounts of the person read a conversation that is not one account's."""
    return (thread.readers or "").split()


def locked_thread(unit: UnitOfWork, thread_id: str) -> Thread:
    """A thread, locked until the transaction ends. Raises Refused `not_found`."""
    statement = select(Thread).where(Thread.id == thread_id).with_for_update()
    found = unit.session.scalars(statement).one_or_none()
    if found is None:
        raise Refused("not_found", "There is no such conversation.", field="thread_id")
    return found


def write_as_person(
    unit: UnitOfWork, thread: Thread, text: str, *, item_id: str, file: Kept | None = None
) -> Message:
    """A message of the person's side in a thread; the queue item that it belongs to is its business."""
    thread.has_sent = True
    message = _write(unit, thread, text, file, item_id=item_id, is_from_staff=False, is_notified=False)
    facts = {"message_id": message.id, "person_id": thread.person_id, "type": thread.type, "item_id": item_id}
    unit.publish(contract.message_received, thread.id, facts)
    return message


def write_as_staff(
    unit: UnitOfWork,
    thread: Thread,
    text: str,
    *,
    account_ids: Iterable[str],
    item_id: str | None,
    notify: bool,
    file: Kept | None = None,
) -> Message:
    """A message of staff in a thread. With `notify` these accounts are told by e-mail that a message waits."""
    thread.has_received = True
    thread.unread += 1
    message = _write(unit, thread, text, file, item_id=item_id, is_from_staff=True, is_notified=notify)
    facts = {
        "message_id": message.id,
        "person_id": thread.person_id,
        "type": thread.type,
        "account_ids": sorted(account_ids),
        "is_notified": notify,
    }
    unit.publish(contract.message_sent, thread.id, facts)
    return message


def note_opened(unit: UnitOfWork, thread: Thread) -> None:
    """Note that the person's side has opened all messages of a thread."""
    opened = unit.session.scalars(
        select(Message).where(
            Message.thread_id == thread.id, Message.is_from_staff, Message.read_at.is_(None)
        )
    ).all()
    for message in opened:
        message.read_at = unit.now
    if opened:
        thread.unread = 0
        facts = {
            "thread_id": thread.id,
            "person_id": thread.person_id,
            "messages": len(opened),
            "account_id": unit.actor_id,
        }
        unit.publish(contract.message_read, thread.id, facts)


def _write(
    unit: UnitOfWork,
    thread: Thread,
    text: str,
    file: Kept | None,
    *,
    item_id: str | None,
    is_from_staff: bool,
    is_notified: bool,
) -> Message:
    thread.last_at = unit.now
    thread.messages += 1
    message = Message(
        id=wire.new_id(),
        thread_id=thread.id,
        number=thread.messages,
        person_id=thread.person_id,
        account_id=thread.account_id,
        item_id=item_id,
        is_from_staff=is_from_staff,
        author_id=unit.actor_id,
        type=thread.type,
        type_name=thread.type_name,
        text=text,
        file_sha256=file and file.sha256,
        file_type=file and file.media_type,
        file_size=file and file.size,
        sent_at=unit.now,
        is_notified=is_notified,
    )
    unit.add(message)
    unit.audit(
        "message.sent",
        "message",
        message.id,
        person_id=thread.person_id,
        is_from_staff=is_from_staff,
        is_notified=is_notified,
    )
    return message
