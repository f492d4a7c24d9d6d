"""Items of the queue and their history, within somebody else's transaction: other subjects bring in and end items by these."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.portals import portal_queue as contract
from services.contracts.spelling import search_key
from services.portals.message_types import queries as message_types
from services.portals.messages import writing
from services.portals.messages.models import Thread
from services.portals.people.asking import Addressee
from services.portals.portal_queue import clock, holders, rules
from services.portals.portal_queue.models import QueueItem, QueueStep, QueueText
from services.portals.screened_files.taking_in import Kept
from services.portals.staff_groups.models import StaffGroup


def add_item(
    unit: UnitOfWork,
    person: Addressee,
    type_code: str,
    text: str,
    *,
    account_id: str | None,
    portal: str | None = None,
    priority: str = "routine",
    reference: tuple[str, str] | None = None,
    thread: Thread | None = None,
    group: StaffGroup | None = None,
    file: Kept | None = None,
) -> QueueItem:
    """Put a request or message into the queue. Whoever calls has decided whether it may be sent.

    `account_id` is the account of the portal that has written the text; without it and a portal, staff have entered it. `reference` is
    the type and the id of what another subject keeps of it. `thread` is the conversation that it goes on with, `file` what
    the account has sent instead of a text. It goes to `group`, or
    else to the type's department.
    Raises Refused `not_found` for an unknown type.
    """
    kind = message_types.named(unit.session, type_code, "type")
    is_follow_up = thread is not None
    if thread is None:
        realms = message_types.realms_of(unit.session, unit.organisation_id, kind.code, is_answer=True)
        thread = writing.begin_thread(
            unit, person, kind, account_id=account_id, portal=portal, realms=() if account_id else realms
        )
    item = QueueItem(
        id=wire.new_id(),
        version=1,
        kind="message" if is_follow_up else kind.item_kind,
        type=kind.code,
        type_name=kind.name,
        department=group.name if group else kind.department,
        questionnaire_id=kind.questionnaire_id,
        person_id=person.person_id,
        # Whoever writes on in a conversation writes about the person whom it named first, also while two records are one.
        first_person_id=thread.first_person_id,
        person_name=person.name,
        person_name_key=search_key(person.name),
        account_id=account_id,
        portal=portal,
        text=text,
        thread_id=thread.id,
        priority=priority,
        requested_at=unit.now,
        due_at=unit.now,
        is_open=True,
        is_waiting=True,
        state=rules.OPEN,
        helper_action=kind.helper_action,
        action_state="none",
        reference_type=reference[0] if reference else None,
        reference_id=reference[1] if reference else None,
    )
    clock.start_anew(unit, item)
    unit.session.flush()  # the conversation is there before what belongs to it
    unit.add(item)
    unit.session.flush()
    unit.add(QueueText(item_id=item.id, words=rules.words_of(person.name, kind.name, text)))
    _note(unit, item, "received" if account_id or portal else "entered")
    facts = {"kind": item.kind, "due_at": item.due_at}
    unit.publish(contract.item_received, item.id, told(item) | facts)
    if account_id is not None:
        writing.write_as_person(unit, thread, text, item_id=item.id, file=file)
    hand_over_if_away(unit, item)
    return item


def hand_over_if_away(unit: UnitOfWork, item: QueueItem) -> None:
    """Give an open item whose holders are all away today to who stands in for them. Without anybody it stays where it is."""
    account_id = holders.substitute(unit, item)
    if account_id is not None:
        item.assigned_to = account_id
        add_step(unit, item, "assigned")
        tell_changed(unit, item)


def end_item_of(unit: UnitOfWork, reference_type: str, reference_id: str, outcome: str) -> QueueItem | None:
    """Dismiss the open item that refers to something, where staff have ended that. None where none is open.

    `outcome` is `completed` or `not_completed`.
    """
    item = next((each for each in items_of(unit, reference_type, [reference_id]) if each.is_open), None)
    if item is not None:
        dismiss(unit, item, outcome)
    return item


def items_of(unit: UnitOfWork, reference_type: str, reference_ids: Collection[str]) -> list[QueueItem]:
    """The items that refer to some of these, locked until the transaction ends."""
    found = select(QueueItem).where(
        QueueItem.reference_id.in_(reference_ids), QueueItem.reference_type == reference_type
    )
    return list(unit.session.scalars(found.order_by(QueueItem.id).with_for_update()))


def give_person(unit: UnitOfWork, item: QueueItem, person: Addressee, text: str) -> None:
    """Let an item of which nobody knew the person be about this one from now on, with another text; its service time begins anew."""
    item.person_id = item.first_person_id = person.person_id
    rewrite(unit, item, person.name, text)
    thread = unit.session.get_one(Thread, item.thread_id)
    thread.person_id = thread.first_person_id = person.person_id
    item.is_waiting = True
    clock.start_anew(unit, item)


def rewrite(unit: UnitOfWork, item: QueueItem, name: str, text: str) -> None:
    """Replace the name and the text of an item, and the words by which it is found."""
    item.person_name, item.person_name_key, item.text = name, search_key(name), text
    unit.session.get_one(Thread, item.thread_id).person_name = name
    row = unit.session.scalars(select(QueueText).where(QueueText.item_id == item.id)).one()
    row.words = rules.words_of(name, item.type_name, text)


def note_answered(unit: UnitOfWork, item: QueueItem, outcome: str) -> None:
    """Note that staff have answered an open item; `outcome` is what becomes of it."""
    item.is_waiting = False
    clock.stop(item)
    add_step(unit, item, "answered")
    unit.publish(contract.item_answered, item.id, told(item) | {"outcome": outcome})


def dismiss(unit: UnitOfWork, item: QueueItem, outcome: str) -> None:
    """Put an open item into the archive."""
    item.is_open = item.is_waiting = False
    item.state = outcome
    item.dismissed_at = unit.now
    clock.stop(item)
    add_step(unit, item, outcome)
    unit.publish(contract.item_dismissed, item.id, told(item) | {"outcome": outcome})


def held_item(unit: UnitOfWork, item_id: str) -> QueueItem:
    """An item, locked until the transaction ends. Raises Refused `not_found`."""
    found = unit.session.scalars(
        select(QueueItem).where(QueueItem.id == item_id).with_for_update()
    ).one_or_none()
    if found is None:
        raise Refused("not_found", "There is no such item.", field="item_id")
    return found


def add_step(unit: UnitOfWork, item: QueueItem, step: str) -> None:
    """Add to an item's history. Each step is a new version of the item."""
    item.version += 1
    _note(unit, item, step)


def tell_changed(unit: UnitOfWork, item: QueueItem) -> None:
    """Tell that an open item was changed."""
    unit.publish(contract.item_changed, item.id, told(item))


def find_by(unit: UnitOfWork, item: QueueItem, text: str) -> None:
    """Let an item be found by the words of one more text."""
    row = unit.session.scalars(select(QueueText).where(QueueText.item_id == item.id)).one()
    row.words = rules.with_words(row.words, text)


def told(item: QueueItem) -> dict[str, Any]:
    """What every event says of an item."""
    return {"item_id": item.id, "type": item.type, "version": item.version}


def _note(unit: UnitOfWork, item: QueueItem, step: str) -> None:
    unit.add(QueueStep(item_id=item.id, number=item.version, at=unit.now, step=step, actor_id=unit.actor_id))
    unit.audit(
        f"queue_item.{step}",
        "queue_item",
        item.id,
        person_id=item.known_person_id,
        type=item.type,
        version=item.version,
    )
