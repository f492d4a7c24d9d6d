"""Commands on the queue and events about it, each one transaction."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Collection
from typing import Any, TypedDict, Unpack

from sqlalchemy import delete

from services.chassis.database import held_or_made
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.portals import portal_queue as contract
from services.contracts.portals.messages import MOST_TEXT
from services.portals.configuration import terms, versions
from services.portals.definitions import queries as definitions
from services.portals.messages import writing
from services.portals.messages.handlers import require_account
from services.portals.people.asking import Addressee
from services.portals.portal_queue import changes, clock, holders, items, queries, rules
from services.portals.portal_queue.models import QueueItem, QueueSettings, ReplyDraft
from services.portals.saved_replies import queries as saved_replies
from services.portals.working_days.holidays_of_regions import is_region


def enter_request(
    unit: UnitOfWork,
    person: Addressee,
    *,
    type: str,  # noqa: A002 - the contract's word
    text: str,
    priority: str,
) -> dict[str, Any]:
    """Enter a request for somebody who has called. Raises Refused `not_found` for an unknown type."""
    item = items.add_item(unit, person, type, text, account_id=None, priority=priority)
    return queries.view(item, unit.now)


def claim_queue_item(unit: UnitOfWork, caller: Caller, *, item_id: str) -> dict[str, Any]:
    """Take an item for oneself. Raises Refused `not_found`, `item_archived`, `conflict`."""
    item = open_item(unit, item_id)
    rules.require_free(item.assigned_to, caller.id)
    return _assigned(unit, item, caller.id, "claimed")


def assign_queue_item(unit: UnitOfWork, *, item_id: str, account_id: str | None) -> dict[str, Any]:
    """Give an item to somebody, or to nobody. Raises Refused `not_found`, `item_archived`."""
    item = open_item(unit, item_id)
    if account_id is not None:
        account_id = holders.present(unit, account_id) or account_id
    return _assigned(unit, item, account_id, "assigned" if account_id else "released")


class ItemChanges(TypedDict, total=False):
    """What may be changed of an open item."""

    priority: str
    department: str
    due_at: datetime.datetime


def change_queue_item(unit: UnitOfWork, *, item_id: str, **changes: Unpack[ItemChanges]) -> dict[str, Any]:
    """Change the priority, the department or the due time. Raises Refused `not_found`, `item_archived`."""
    item = open_item(unit, item_id)
    for name, value in changes.items():
        setattr(item, name, value)
    if "due_at" in changes and item.is_waiting:
        clock.start(item, item.due_at)
    return _changed(unit, item, "changed")


def answer_queue_item(
    unit: UnitOfWork,
    person: Addressee | None,
    *,
    item_id: str,
    text: str,
    notify: bool,
    associate: bool,
    outcome: str | None,
) -> dict[str, Any]:
    """Answer an item and say what becomes of it (S3-5 to S3-10). `person` is asked for where no account has written it.

    The person reads the answer, and what became of a change that was asked for beside it.
    Raises Refused `not_found`, `item_archived`, `no_portal_account`, `conflict` for a change of details that is not made.
    """
    item = open_item(unit, item_id)
    thread = writing.locked_thread(unit, item.thread_id)
    realms = writing.readers_of(thread)
    account_ids = recipients(item, person, realms)
    if not associate:
        kind = _TypeOf(item.type, item.type_name)
        about = Addressee(item.person_id, None, item.person_name)
        thread = writing.begin_thread(
            unit, about, kind, account_id=item.account_id, portal=item.portal, realms=realms
        )
        unit.session.flush()
    change = changes.change_of(unit.session, item)
    outcome = outcome or rules.usual_outcome(queries.settings_of(unit.session)["usual_outcome"], change)
    rules.require_made(change, outcome)
    own_id = item.id if associate else None
    writing.write_as_staff(unit, thread, text, account_ids=account_ids, item_id=own_id, notify=notify)
    _drop_draft(unit, item.id)
    items.find_by(unit, item, text)
    items.note_answered(unit, item, outcome)
    if outcome != rules.LEFT_OPEN:
        items.dismiss(unit, item, outcome)
    return queries.view(item, unit.now)


def save_reply_draft(
    unit: UnitOfWork, caller: Caller, *, item_id: str, text: str, saved_reply_id: str | None
) -> dict[str, Any]:
    """Keep what the caller has begun to answer. Raises Refused `not_found`, `invalid_request` for a text that is too long."""
    item = queries.found(unit.session, item_id)
    if saved_reply_id is not None:
        saved = saved_replies.found(unit.session, saved_reply_id)
        text = rules.with_reply(text, _in_words_of(unit, item, saved.text), MOST_TEXT)
    if not text:
        _drop_draft(unit, item_id)
        return {"item_id": item.id, "draft": None}
    key = {"item_id": item.id, "account_id": caller.id}
    fresh = {"organisation_id": unit.organisation_id, "text": text, "saved_at": unit.now}
    row = held_or_made(unit.session, ReplyDraft, key, fresh)
    row.text, row.saved_at = text, unit.now
    return {"item_id": item.id, "draft": row.text}


def _in_words_of(unit: UnitOfWork, item: QueueItem, text: str) -> str:
    """A saved reply for an item: with its person's first name, its type, and the words of its portal (S2-51)."""
    named = rules.filled_in(text, item.person_name, item.type_name)
    if item.portal is None:
        return named
    definition = definitions.named(unit.session, unit.organisation_id, item.portal)
    words = versions.shown(unit.session, unit.organisation_id, definition).whole["terms"]
    return terms.replaced(named, words)


def _drop_draft(unit: UnitOfWork, item_id: str) -> None:
    of_caller = (ReplyDraft.item_id == item_id, ReplyDraft.account_id == unit.actor_id)
    unit.session.execute(delete(ReplyDraft).where(*of_caller))


def dismiss_queue_item(unit: UnitOfWork, *, item_id: str, outcome: str, confirm: bool) -> dict[str, Any]:
    """Put an item into the archive (S3-12 to S3-14).

    Raises Refused `not_found`, `item_archived`, `confirmation_required`, `conflict` for a change of details that is not made.
    """
    item = open_item(unit, item_id)
    change = changes.change_of(unit.session, item)
    rules.require_made(change, outcome)
    if queries.settings_of(unit.session)["confirms_dismissal"]:
        rules.require_confirmed(confirm, "Put this item into the archive? It can be brought back.")
    items.dismiss(unit, item, outcome)
    if change is not None and change.accepted_at is None:
        changes.tell_answered(unit, item, change)
    return queries.view(item, unit.now)


def unarchive_queue_item(unit: UnitOfWork, *, item_id: str, confirm: bool) -> dict[str, Any]:
    """Bring an item back from the archive (S3-17 to S3-19). Raises Refused `not_found`, `item_open`, `confirmation_required`."""
    item = items.held_item(unit, item_id)
    rules.require_archived(item)
    unit.require_version(item)
    rules.require_confirmed(confirm, "Mark this item as un-reviewed and bring it back into the queue?")
    item.is_open = item.is_waiting = True
    item.state, item.dismissed_at = rules.OPEN, None
    clock.start_anew(unit, item)
    items.add_step(unit, item, "unarchived")
    unit.publish(contract.item_unarchived, item.id, items.told(item))
    return queries.view(item, unit.now)


def start_helper_action(unit: UnitOfWork, *, item_id: str) -> dict[str, Any]:
    """Tell upstream systems that staff want what helps with an item. Raises Refused `not_found`, `no_helper_action`."""
    item = open_item(unit, item_id)
    if item.helper_action == "none":
        raise Refused("no_helper_action", "Nothing is set up that helps with this type.", "item_id")
    item.action_state, item.result_link = "started", None
    items.add_step(unit, item, "action_started")
    facts = {"action": item.helper_action, "started_at": unit.now}
    unit.publish(contract.helper_action_started, item.id, items.told(item) | facts)
    return queries.view(item, unit.now)


def finish_helper_action(unit: UnitOfWork, *, item_id: str, result_link: str) -> dict[str, Any]:
    """Keep the link to what a helper action has made. Raises Refused `not_found`, `no_helper_action`, `result_link_refused`."""
    item = items.held_item(unit, item_id)
    unit.honour_version(item)
    if item.action_state == "none":
        raise Refused("no_helper_action", "Nobody has asked for this item's helper action.", "item_id")
    rules.require_allowed_host(result_link, queries.settings_of(unit.session)["result_hosts"])
    item.action_state, item.result_link = "finished", result_link
    items.add_step(unit, item, "action_finished")
    unit.publish(contract.helper_action_finished, item.id, items.told(item) | {"action": item.helper_action})
    return queries.view(item, unit.now)


class SettingsChanges(TypedDict, total=False):
    """What may be changed of the settings."""

    usual_outcome: str
    confirms_dismissal: bool
    reply_within_days: int
    before_writing: str | None
    most_characters: int
    most_a_day: int
    most_a_week: int
    result_hosts: list[str]
    working_days: list[int]
    time_zone: str
    holidays: str | None
    closed_on: list[datetime.date]
    escalation_hours: int
    lists_begun_applications: bool


def change_queue_settings(unit: UnitOfWork, **changes: Unpack[SettingsChanges]) -> dict[str, Any]:
    """Change how the organisation works on its queue. Raises Refused `invalid_request` for an unknown country."""
    region = changes.get("holidays")
    if region is not None and not is_region(region):
        raise Refused(
            "invalid_request",
            "holidays: A country such as US, or a part such as US-CA, is expected.",
            "holidays",
        )
    stored: dict[str, Any] = dict(changes)
    if "closed_on" in changes:
        stored["closed_on"] = sorted({each.isoformat() for each in changes["closed_on"]})
    if "working_days" in changes:
        stored["working_days"] = sorted(set(changes["working_days"]))
    key = {"organisation_id": unit.organisation_id}
    row = held_or_made(unit.session, QueueSettings, key, {"version": rules.DEFAULT_VERSION, "changed": {}})
    unit.require_version(row)
    row.changed = {**row.changed, **stored}
    row.version += 1
    unit.audit(
        "queue_settings.changed", "queue_settings", "queue", version=row.version, members=sorted(changes)
    )
    unit.session.flush()
    return queries.settings_of(unit.session)


class _TypeOf:
    """The type of a message as it was when the item came in."""

    def __init__(self, code: str, name: str) -> None:
        self.code, self.name = code, name


def open_item(unit: UnitOfWork, item_id: str) -> QueueItem:
    """An open item in the version that the caller has read, locked."""
    item = items.held_item(unit, item_id)
    rules.require_open(item)
    unit.require_version(item)
    return item


def recipients(item: QueueItem, person: Addressee | None, realms: Collection[str]) -> list[str]:
    """The accounts to which an answer to an item goes. Raises Refused `no_portal_account`."""
    if item.account_id is not None:
        return [item.account_id]
    if person is None:
        raise AssertionError("who has no account here is asked for")
    reached = tuple((account_id, realm) for account_id, realm in person.accounts if realm in realms)
    require_account(dataclasses.replace(person, accounts=reached))
    return [account_id for account_id, _ in reached]


def _assigned(unit: UnitOfWork, item: QueueItem, account_id: str | None, step: str) -> dict[str, Any]:
    if item.assigned_to == account_id:
        return queries.view(item, unit.now)
    item.assigned_to = account_id
    return _changed(unit, item, step)


def _changed(unit: UnitOfWork, item: QueueItem, step: str) -> dict[str, Any]:
    items.add_step(unit, item, step)
    items.tell_changed(unit, item)
    return queries.view(item, unit.now)
