"""Queries of the inbox. Everybody sees their own conversations only, about people who are still open to them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.portals.own_changes import MESSAGE_TYPE
from services.portals.absences import queries as absences
from services.portals.absences.rules import first_back
from services.portals.configuration import queries as configuration
from services.portals.definitions import queries as definitions
from services.portals.inbox import rules
from services.portals.message_types import queries as message_types
from services.portals.messages.models import Message, Thread
from services.portals.messages.queries import file_of, messages_of
from services.portals.portal_queue.changes import changes_of
from services.portals.portal_queue.models import OwnChange, QueueItem
from services.portals.portal_queue.queries import settings_of, working_days_of
from services.portals.published_items.models import PublishedItem
from services.portals.staff_groups import queries as staff_groups
from services.portals.staff_groups.models import StaffGroup

_ORDER = "threads"
_MEMBERS = ("id", "person_id", "type", "type_name", "started_at", "last_at", "unread")
DAY, WEEK = datetime.timedelta(days=1), datetime.timedelta(days=7)


def get_writing_rules(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    """What the caller may write in a portal. Raises Refused `not_found`."""
    definition = definitions.admitted(session, caller, portal)
    settings = settings_of(session)
    shown = ("reply_within_days", "before_writing", "most_characters")
    return {
        "portal": definition.portal,
        "types": _types_to_send(session, definition, settings)
        if takes_messages(session, caller, portal)
        else [],
        "person_ids": people_of(caller),
        "own_id": caller.scope.get("person_id"),
        **{name: settings[name] for name in shown},
        "left": left_to_send(session, caller, settings),
    }


def takes_messages(session: Session, caller: Caller, portal: str) -> bool:
    """Whether people write in this portal: it has the module. Raises Refused `not_found`."""
    return configuration.module_name(session, caller, portal, "send_message") is not None


def chosen_group(session: Session, code: str, group_id: str) -> StaffGroup:
    """The group that was chosen for a type. Raises Refused `not_found` for one that the type does not offer."""
    group_ids = message_types.named(session, code, "type").group_ids
    for each in staff_groups.all_groups(session):
        if each.id == group_id and each.id in group_ids:
            return each
    raise Refused(
        "not_found", "This group takes no messages of this type. Choose another group.", field="group_id"
    )


def list_my_threads(
    session: Session, caller: Caller, *, box: str, person_id: str | None, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of the caller's conversations, the latest first. Raises Refused `not_found`."""
    definitions.require_a_portal(session, caller)
    mine = own_threads(caller)
    wanted: list[ColumnElement[bool]] = [mine, or_(Thread.has_sent, Thread.has_received)]
    if person_id is not None:
        wanted.append(Thread.person_id == person_id)
        require_open_to(caller, person_id)
    if box != "all":
        wanted.append((Thread.has_received if box == "inbox" else Thread.has_sent).is_(True))
    if after is not None:
        at, last = read_cursor(after, _ORDER, datetime.datetime, str)
        wanted.append(or_(Thread.last_at < at, and_(Thread.last_at == at, Thread.id < last)))
    sorting = (Thread.last_at.desc(), Thread.id.desc())
    rows = session.scalars(select(Thread).where(*wanted).order_by(*sorting).limit(limit + 1)).all()
    page = rows[:limit]
    items = items_of(session, [each.id for each in page])
    asked = changes_of(session, items.values())
    return {
        "items": [view(each, items.get(each.id), asked) for each in page],
        "next": cursor_of(_ORDER, page[-1].last_at, page[-1].id) if len(rows) > limit else None,
        "unread": unread_messages(session, caller),
    }


def unread_messages(session: Session, caller: Caller) -> int:
    """How many messages of the caller's conversations are unread."""
    statement = select(func.coalesce(func.sum(Thread.unread), 0)).where(own_threads(caller))
    return int(session.scalar(statement) or 0)


def get_my_thread(session: Session, caller: Caller, *, thread_id: str) -> dict[str, Any]:
    """One conversation of the caller. Raises Refused `not_found`."""
    thread = found(session, caller, thread_id)
    settings = settings_of(session)
    item = items_of(session, [thread.id]).get(thread.id)
    shown = ("reply_within_days", "before_writing", "most_characters")
    messages = messages_of(session, thread.id)
    asked = _asked_in(session, thread, messages)
    return {
        **view(thread, item, changes_of(session, [item]) if item else {}),
        "messages": [
            {
                "id": each.id,
                "is_mine": not each.is_from_staff,
                "text": each.text,
                "file": file_of(each),
                "sent_at": each.sent_at,
                "read_at": each.read_at,
                "change": asked.get(each.id),
            }
            for each in messages
        ],
        "away": _away_in(session, item, settings),
        "rules": {
            "portal": thread.portal or caller.realm,
            "types": [],
            "person_ids": people_of(caller),
            "own_id": caller.scope.get("person_id"),
            **{name: settings[name] for name in shown},
            "left": left_to_send(session, caller, settings),
        },
    }


def found(session: Session, caller: Caller, thread_id: str) -> Thread:
    """A conversation of the caller. Raises Refused `not_found`."""
    definitions.require_a_portal(session, caller)
    thread = session.scalars(select(Thread).where(Thread.id == thread_id, own_threads(caller))).one_or_none()
    if thread is None or (thread.portal and not definitions.is_open_to(session, caller, thread.portal)):
        raise Refused("not_found", "There is no such conversation.", field="thread_id")
    return thread


def people_of(caller: Caller) -> list[str]:
    """The ids of the people about whom the caller may write."""
    own_id = caller.scope.get("person_id")
    return rules.may_write_about(caller.realm, own_id, caller.scope.get("profiles") or ())


def require_writable(caller: Caller, person_id: str) -> None:
    """Raises Refused `not_found` unless the caller may write about this person now."""
    if person_id not in people_of(caller):
        raise Refused(
            "not_found",
            "Your role in the portal does not include writing about this person.",
            field="person_id",
        )


def require_open_to(caller: Caller, person_id: str) -> None:
    """Raises Refused `not_found` unless the caller may read what was written about this person."""
    if person_id not in people_of(caller) and person_id != caller.scope.get("person_id"):
        raise Refused(
            "not_found", "There is no such person, or the profile is not open to you.", field="person_id"
        )


def own_threads(caller: Caller) -> ColumnElement[bool]:
    """The condition that a conversation is the caller's, and about a person who is still open to them."""
    own_id = caller.scope.get("person_id") or ""
    return or_(
        and_(Thread.account_id == caller.id, Thread.person_id.in_([*people_of(caller), own_id])),
        and_(
            Thread.account_id.is_(None),
            Thread.person_id == own_id,
            Thread.readers.contains(f" {caller.realm} ", autoescape=True),
        ),
    )


def items_of(session: Session, thread_ids: Iterable[str]) -> dict[str, QueueItem]:
    """The newest item of each conversation."""
    statement = select(QueueItem).where(QueueItem.thread_id.in_(thread_ids))
    return {each.thread_id: each for each in session.scalars(statement.order_by(QueueItem.requested_at))}


def _types_to_send(session: Session, portal: Any, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    groups, away = staff_groups.all_groups(session), _away_today(session, settings)
    return [_type_to_send(each, groups, away) for each in message_types.offered(session, portal)]


def _type_to_send(message_type: Any, groups: Sequence[StaffGroup], away: Mapping[str, Any]) -> dict[str, Any]:
    names = {name: getattr(message_type, name) for name in ("code", "name", "questionnaire_id")}
    usual = staff_groups.named(groups, message_type.department)
    return names | {
        "groups": [
            {"id": each.id, "name": each.name, "away": _away(each.member_ids, away)}
            for each in groups
            if each.id in message_type.group_ids
        ],
        "away": _away(usual.member_ids, away) if usual else None,
    }


def _away_in(session: Session, item: QueueItem | None, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where whoever has the open item of a conversation is away: until when."""
    if item is None or not item.is_open or item.assigned_to is None:
        return None
    return _away([item.assigned_to], _away_today(session, settings))


def _away_today(session: Session, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    return absences.away_on(session, working_days_of(settings).today(utc_now()))


def _away(account_ids: list[str], away: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where all of these accounts are away: when the first is back, and what they say."""
    first = first_back(account_ids, away)
    return first and {"until_on": first.until_on, "text": first.text}


def left_to_send(session: Session, caller: Caller, settings: dict[str, Any]) -> int:
    """How many messages the caller may still send."""
    now = utc_now()
    sent = (
        select(func.count())
        .select_from(Message)
        .where(Message.author_id == caller.id, ~Message.is_from_staff)
    )
    today, this_week = (
        session.scalar(sent.where(Message.sent_at > now - period)) or 0 for period in (DAY, WEEK)
    )
    return rules.left_to_send(today, this_week, settings)


def view(
    thread: Thread, item: QueueItem | None, changes: Mapping[str, OwnChange] = MappingProxyType({})
) -> dict[str, Any]:
    """A conversation as the contract's MyThread. `changes` are what items ask to change in the record, by the item's id."""
    change = changes.get(item.id) if item else None
    return {name: getattr(thread, name) for name in _MEMBERS} | {"state": rules.state_of(item, change)}


def _asked_in(session: Session, thread: Thread, messages: Sequence[Message]) -> dict[str, dict[str, Any]]:
    """What the first message of a conversation asks to change, as the contract's AskedChange, by the message's id.

    None where the entry that it replaces was published anew since: the message's text has what it said when it was sent.
    """
    first = next((each for each in messages if each.number == 1), None)
    if thread.type != MESSAGE_TYPE or first is None:
        return {}
    change = session.scalars(select(OwnChange).where(OwnChange.item_id == first.item_id)).one_or_none()
    if change is None:
        return {}
    replaced = session.get(PublishedItem, change.replaces_id) if change.replaces_id else None
    if replaced is not None and replaced.published_at > first.sent_at:
        return {}
    asked = {
        "section": change.section,
        "values": change.values,
        "replaces": replaced and replaced.values,
        "note": rules.note_of(first.text, change),
    }
    return {first.id: asked}
