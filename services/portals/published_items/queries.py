"""Queries of published items."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.portals.configuration import queries as configuration
from services.portals.definitions import queries as definitions
from services.portals.published_items import rules
from services.portals.published_items.models import ItemRevision, PublishedItem

_ORDER = "published items"
WORK_STATUS = "work_status"
_MOST_EARLIER = 200


def list_items(
    session: Session, _caller: Caller, *, person_id: str, kind: str | None, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of what is published of a person, newest first."""
    wanted = [PublishedItem.person_id == person_id]
    if kind is not None:
        wanted.append(PublishedItem.kind == kind)
    return _page(session, wanted, after, limit)


def get_item(session: Session, _caller: Caller, *, item_id: str) -> dict[str, Any]:
    """One item with its earlier revisions, newest first. Raises Refused `not_found`."""
    row = found(session, item_id)
    statement = select(ItemRevision).filter_by(item_id=row.id).order_by(ItemRevision.revision.desc())
    earlier = [
        {"revision": each.revision, "values": each.values, "published_at": each.published_at}
        for each in session.scalars(statement)
    ]
    return {**view(row), "earlier": earlier}


def list_my_items(
    session: Session,
    caller: Caller,
    *,
    portal: str | None,
    person_id: str | None,
    kind: str | None,
    except_kind: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of what the caller may see of a person, newest first. Raises Refused `not_found`."""
    definitions.require_a_portal(session, caller)
    types = configuration.document_types(session, caller, portal)
    profile = profile_of(caller, person_id)
    kinds = rules.kinds_seen(profile["permissions"])
    now = utc_now()
    wanted = [
        PublishedItem.person_id == profile["person_id"],
        PublishedItem.kind.in_([each for each in kinds if kind in (None, each) and each != except_kind]),
        *in_effect(now),
        *of_types(types),
    ]
    page = _page(session, wanted, after, limit)
    return {**page, "person_id": profile["person_id"], "kinds": kinds}


def list_my_earlier_work_status(session: Session, caller: Caller) -> dict[str, Any]:
    """The caller's work statuses that hold no longer, newest first. Raises Refused `not_found`."""
    definitions.require_a_portal(session, caller)
    profile = profile_of(caller, None)
    is_seen = WORK_STATUS in rules.kinds_seen(profile["permissions"])
    items = earlier_work_status(session, profile["person_id"]) if is_seen else []
    return {"person_id": profile["person_id"], "items": items}


def earlier_work_status(session: Session, person_id: str) -> list[dict[str, Any]]:
    """What held before of a person, newest first: statuses whose time is over, and what a newer one or a revision has replaced."""
    own = (
        PublishedItem.person_id == person_id,
        PublishedItem.kind == WORK_STATUS,
        PublishedItem.withdrawn_at.is_(None),
    )
    replaced = (
        select(ItemRevision)
        .join(PublishedItem, PublishedItem.id == ItemRevision.item_id)
        .where(*own)
        .order_by(ItemRevision.published_at.desc(), ItemRevision.revision.desc())
    )
    now = utc_now()
    newest_first = (
        select(PublishedItem)
        .where(*own)
        .order_by(PublishedItem.published_at.desc(), PublishedItem.id.desc())
        .limit(_MOST_EARLIER)
    )
    over = newest_first.where(PublishedItem.valid_until <= now)
    older = newest_first.where(*in_effect(now)).offset(1)
    rows = [row for found in (over, older, replaced.limit(_MOST_EARLIER)) for row in session.scalars(found)]
    shown = sorted(rows, key=lambda row: row.published_at, reverse=True)[:_MOST_EARLIER]
    return [{"values": row.values, "published_at": row.published_at} for row in shown]


def of_types(types: set[str] | None) -> tuple[Any, ...]:
    """The condition that a document has one of these types; other kinds have none."""
    if types is None:
        return ()
    is_shown = PublishedItem.values["document_type"].as_string().in_(sorted(types))
    return (or_(PublishedItem.kind != "document", is_shown),)


def profile_of(caller: Caller, person_id: str | None) -> dict[str, Any]:
    """The caller's access to a person's profile, by default to their own. Raises Refused `not_found`.

    Employees reach their own only: what a supervisor sees of others is `supervision`'s.
    """
    own = caller.scope.get("person_id")
    wanted = person_id or own
    if caller.realm == "employee" and wanted != own:
        wanted = None
    for profile in caller.scope.get("profiles") or ():
        if profile["person_id"] == wanted:
            return dict(profile)
    raise Refused(
        "not_found", "There is no such person, or the profile is not open to you.", field="person_id"
    )


def found(session: Session, item_id: str) -> PublishedItem:
    """An item. Raises Refused `not_found`."""
    row = session.scalars(select(PublishedItem).filter_by(id=item_id)).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such item.", field="item_id")
    return row


def view(row: PublishedItem) -> dict[str, Any]:
    """An item as the contract's StaffItem."""
    return {
        name: getattr(row, name)
        for name in (
            "id", "person_id", "kind", "values", "revision", "published_at", "valid_from", "valid_until",
            "source", "source_reference", "withdrawn_at",
        )
    }  # fmt: skip


def in_effect(now: datetime.datetime) -> tuple[Any, ...]:
    """The conditions that an item is neither withdrawn nor outside its validity."""
    return (
        PublishedItem.withdrawn_at.is_(None),
        or_(PublishedItem.valid_from.is_(None), PublishedItem.valid_from <= now),
        or_(PublishedItem.valid_until.is_(None), PublishedItem.valid_until > now),
    )


def _page(session: Session, wanted: list[Any], after: str | None, limit: int) -> dict[str, Any]:
    statement = select(PublishedItem).where(*wanted)
    if after is not None:
        at, last = read_cursor(after, _ORDER, datetime.datetime, str)
        older = and_(PublishedItem.published_at == at, PublishedItem.id < last)
        statement = statement.where(or_(PublishedItem.published_at < at, older))
    ordered = statement.order_by(PublishedItem.published_at.desc(), PublishedItem.id.desc()).limit(limit + 1)
    rows = list(session.scalars(ordered))
    page = rows[:limit]
    is_last = len(rows) <= limit
    return {
        "items": [view(row) for row in page],
        "next": None if is_last else cursor_of(_ORDER, page[-1].published_at, page[-1].id),
    }
