"""Commands on orders, each one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.chassis import wire
from services.chassis.database import insert_unless_there
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.portals import orders as contract
from services.contracts.spelling import search_key
from services.portals.definitions.supervised import require_supervised
from services.portals.orders import queries, rules
from services.portals.orders.models import EmployeeOrder, OrderItem
from services.portals.people.asking import Addressee
from services.portals.portal_queue import items


def create_order_item(unit: UnitOfWork, *, name: str, explanation: str | None) -> OrderItem:
    """Add something to the picklist. Raises Refused `order_item_taken`."""
    values = {
        "id": wire.new_id(),
        "organisation_id": unit.organisation_id,
        "version": 1,
        "name": name,
        "name_key": search_key(name),
        "explanation": explanation,
        "is_offered": True,
    }
    if not insert_unless_there(unit.session, OrderItem.__table__, values):
        raise _taken()
    unit.audit("order_item.created", "order_item", str(values["id"]))
    return unit.session.get_one(OrderItem, values["id"])


def change_order_item(
    unit: UnitOfWork, *, order_item_id: str, name: str, explanation: str | None, is_offered: bool
) -> OrderItem:
    """Change an item of the picklist. Raises Refused `not_found`, `order_item_taken`."""
    item = unit.session.get(OrderItem, order_item_id, with_for_update=True)
    if item is None:
        raise queries.no_such_item()
    unit.require_version(item)
    same_name = select(OrderItem.id).where(OrderItem.name_key == search_key(name), OrderItem.id != item.id)
    if unit.session.scalar(same_name) is not None:
        raise _taken()
    item.name, item.name_key, item.explanation, item.is_offered = (
        name,
        search_key(name),
        explanation,
        is_offered,
    )
    item.version += 1
    try:
        unit.session.flush()
    except IntegrityError:  # another item has just got this name
        raise _taken() from None
    unit.audit("order_item.changed", "order_item", item.id, is_offered=is_offered)
    return item


def place_order(
    unit: UnitOfWork,
    caller: Caller,
    person: Addressee,
    *,
    person_id: str,
    order_item_id: str,
    note: str | None,
) -> dict[str, Any]:
    """Order something for an employee. Raises Refused `not_found`, `order_open` while the same order of the caller is open."""
    require_supervised(unit.session, caller, person_id)
    portal = queries.ordering_portal(unit.session, caller)
    if portal is None:
        raise queries.no_such_item()
    wanted = select(OrderItem).where(OrderItem.id == order_item_id, OrderItem.is_offered)
    item = unit.session.scalars(
        wanted.with_for_update()
    ).one_or_none()  # two orders at once wait for each other
    if item is None:
        raise queries.no_such_item()
    if queries.has_open(unit.session, caller.id, person.person_id, order_item_id):
        raise Refused(
            "order_open",
            "You have ordered this for the employee already, and it is still open.",
            "order_item_id",
        )
    order_id = wire.new_id()
    queued = items.add_item(
        unit,
        person,
        rules.MESSAGE_TYPE,
        rules.words(item.name, note),
        account_id=None,
        portal=portal,
        reference=(rules.REFERENCE, order_id),
    )
    order: EmployeeOrder = unit.add(
        EmployeeOrder(
            id=order_id,
            person_id=person.person_id,
            first_person_id=person.person_id,
            order_item_id=item.id,
            queue_item_id=queued.id,
            name=item.name,
            note=note,
            account_id=caller.id,
            placed_at=unit.now,
        )
    )
    unit.audit("order.placed", "order", order.id, person_id=person.person_id, order_item_id=item.id)
    facts = {"order_id": order.id, "order_item_id": item.id, "person_id": person.person_id}
    told = facts | {"account_id": caller.id, "message_type": rules.MESSAGE_TYPE}
    unit.publish(contract.order_placed, order.id, told)
    return queries.view(order, queued.state)


def _taken() -> Refused:
    return Refused(
        "order_item_taken", "There is an item of this name. Change that one, or choose another name.", "name"
    )
