"""Queries of orders."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.portals.orders import PanelOrder
from services.portals.configuration import queries as configuration
from services.portals.definitions.supervised import require_supervised, supervised
from services.portals.orders import rules
from services.portals.orders.models import EmployeeOrder, OrderItem
from services.portals.portal_queue.models import QueueItem
from services.portals.published_items.models import PublishedItem
from services.portals.published_items.queries import in_effect

_ITEMS, _ORDERS = "order items", "orders"
_MOST_OF_PANELS = 200
_MOST_OFFERED = 500
_PANEL_ORDER = PanelOrder()


def no_such_item() -> Refused:
    """The picklist has no such item, or offers it no longer."""
    return Refused("not_found", "This cannot be ordered any more. Choose another one.", "order_item_id")


def list_order_items(session: Session, _caller: Caller, *, after: str | None, limit: int) -> dict[str, Any]:
    """A page of the picklist, by name."""
    statement = select(OrderItem).order_by(OrderItem.name_key, OrderItem.id).limit(limit + 1)
    if after is not None:
        name_key, last_id = read_cursor(after, _ITEMS, str, str)
        statement = statement.where(
            or_(OrderItem.name_key > name_key, and_(OrderItem.name_key == name_key, OrderItem.id > last_id))
        )
    rows = list(session.scalars(statement))
    last = rows[limit - 1] if len(rows) > limit else None
    return {"items": rows[:limit], "next": cursor_of(_ITEMS, last.name_key, last.id) if last else None}


def list_offered_orders(session: Session, caller: Caller) -> dict[str, Any]:
    """What a supervisor may order, by name."""
    if not supervised(session, caller) or ordering_portal(session, caller) is None:
        return {"items": []}
    offered = select(OrderItem).where(OrderItem.is_offered).order_by(OrderItem.name_key, OrderItem.id)
    return {"items": list(session.scalars(offered.limit(_MOST_OFFERED)))}


def ordering_portal(session: Session, caller: Caller) -> str | None:
    """A portal of supervisors with the module Orders that admits the caller."""
    return configuration.portal_with_module(session, caller, "orders")


def list_my_orders(
    session: Session,
    caller: Caller,
    *,
    state: str | None,
    person_id: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of the caller's own orders, and those of panels. Raises Refused `not_found` for somebody not supervised."""
    people = supervised(session, caller)
    if person_id is not None:
        require_supervised(session, caller, person_id)
        people = [person_id]
    statement = (
        select(EmployeeOrder, QueueItem.state)
        .join(QueueItem, QueueItem.id == EmployeeOrder.queue_item_id)
        .where(EmployeeOrder.account_id == caller.id, EmployeeOrder.person_id.in_(people))
        .order_by(EmployeeOrder.placed_at.desc(), EmployeeOrder.id.desc())
        .limit(limit + 1)
    )
    if state is not None:
        statement = statement.where(QueueItem.state.in_(rules.item_states(state)))
    if after is not None:
        at, last_id = read_cursor(after, _ORDERS, datetime.datetime, str)
        older = and_(EmployeeOrder.placed_at == at, EmployeeOrder.id < last_id)
        statement = statement.where(or_(EmployeeOrder.placed_at < at, older))
    rows = session.execute(statement).all()
    last = rows[limit - 1][0] if len(rows) > limit else None
    return {
        "items": [view(order, item_state) for order, item_state in rows[:limit]],
        "next": cursor_of(_ORDERS, last.placed_at, last.id) if last else None,
        "of_panels": [] if after is not None else _of_panels(session, people, state),
    }


def _of_panels(session: Session, people: list[str], state: str | None) -> list[dict[str, Any]]:
    """Published orders of these people that belong to a panel, newest first."""
    found = session.scalars(
        select(PublishedItem)
        .where(
            PublishedItem.person_id.in_(people),
            PublishedItem.kind == "order",
            PublishedItem.values["panel"].as_string().is_not(None),
            *([PublishedItem.values["state"].as_string() == state] if state else []),
            *in_effect(utc_now()),
        )
        .order_by(PublishedItem.published_at.desc(), PublishedItem.id.desc())
        .limit(_MOST_OF_PANELS)
    )
    members = ("name", "state", "panel", "due_on")
    return [
        _PANEL_ORDER.load({"person_id": each.person_id, **{name: each.values.get(name) for name in members}})
        for each in found
    ]


def has_open(session: Session, account_id: str, person_id: str, order_item_id: str) -> bool:
    """Whether the account has ordered this for the person, and it is still open."""
    statement = (
        select(EmployeeOrder.id)
        .join(QueueItem, QueueItem.id == EmployeeOrder.queue_item_id)
        .where(
            EmployeeOrder.account_id == account_id,
            EmployeeOrder.person_id == person_id,
            EmployeeOrder.order_item_id == order_item_id,
            QueueItem.is_open,
        )
    )
    return session.scalar(statement.limit(1)) is not None


def view(order: EmployeeOrder, item_state: str) -> dict[str, Any]:
    """An order as the contract's EmployeeOrder."""
    known = {name: getattr(order, name) for name in ("id", "person_id", "name", "note", "placed_at")}
    return known | {"state": rules.state_of(item_state)}
