"""What supervisors order for employees, from the organisation's picklist (S2-22), and how far it is (S2-86)."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply, page_of, permission, signed_in
from services.contracts.fields import Code, Day, Flag, Id, Moment, Text, one_of
from services.contracts.identity.paging import PAGE
from services.contracts.portals import contract

ORDER_STATES = ("open", "completed", "cancelled")


class OrderItem(Reply):
    """Something that can be ordered, such as an audiogram."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    explanation = fields.String(required=True, allow_none=True)
    is_offered = Flag(required=True)


class OfferedItem(Reply):
    """What a supervisor may order."""

    id = Id(required=True)
    name = fields.String(required=True)
    explanation = fields.String(required=True, allow_none=True)


class EmployeeOrder(Reply):
    """An order of the caller's own. Staff end it in the queue."""

    id = Id(required=True)
    person_id = Id(required=True)
    name = fields.String(required=True)
    state = one_of(ORDER_STATES, required=True)
    note = fields.String(required=True, allow_none=True)
    placed_at = Moment(required=True)


class PanelOrder(Reply):
    """An order that belongs to a health surveillance panel, whoever has placed it."""

    person_id = Id(required=True)
    name = fields.String(required=True)
    state = one_of(ORDER_STATES, required=True)
    panel = fields.String(required=True)
    due_on = Day(required=True, allow_none=True)


_ITEM = {
    "name": Text(required=True, most=60),
    "explanation": Text(load_default=None, allow_none=True, most=500),
}

list_order_items = contract.query(
    "list_order_items",
    "The picklist of what supervisors may order, by name, with what is not offered any more.",
    request=PAGE,
    reply=page_of(OrderItem),
    access=permission("portal.configure", realms=("staff", "api")),
)

create_order_item = contract.command(
    "create_order_item",
    "Add something to the picklist of orders.",
    request=_ITEM,
    reply=OrderItem,
    access=permission("portal.configure", realms=("staff", "api")),
    errors=("order_item_taken",),
    status=201,
)

change_order_item = contract.command(
    "change_order_item",
    "Change an item of the picklist of orders, or offer it no longer. Orders that were placed keep their name.",
    request={"order_item_id": Id(required=True), **_ITEM, "is_offered": Flag(required=True)},
    reply=OrderItem,
    access=permission("portal.configure", realms=("staff", "api")),
    errors=("not_found", "order_item_taken"),
    expects_version=True,
)

list_offered_orders = contract.query(
    "list_offered_orders",
    "What the caller may order for the employees whom they supervise. Empty for who supervises nobody.",
    request={},
    reply={"items": fields.List(fields.Nested(OfferedItem), required=True)},
    access=signed_in("employee"),
)

place_order = contract.command(
    "place_order",
    "Order something for an employee whom the caller supervises. It goes into the queue of the organisation.",
    request={
        "person_id": Id(required=True),
        "order_item_id": Id(required=True),
        "note": Text(load_default=None, allow_none=True, most=1000),
    },
    reply=EmployeeOrder,
    access=signed_in("employee"),
    errors=("not_found", "order_open"),
    status=201,
)

list_my_orders = contract.query(
    "list_my_orders",
    "The orders that the caller has placed for employees whom they supervise, newest first, and those that belong to a health "
    "surveillance panel. No other order of these employees is told.",
    request={
        "state": one_of(ORDER_STATES, load_default=None, allow_none=True),
        "person_id": Id(load_default=None, allow_none=True),
        **PAGE,
    },
    reply={
        "items": fields.List(fields.Nested(EmployeeOrder), required=True),
        "next": fields.String(required=True, allow_none=True),
        "of_panels": fields.List(
            fields.Nested(PanelOrder),
            required=True,
            metadata={"description": "the newest 200; on the first page only"},
        ),
    },
    access=signed_in("employee"),
    errors=("not_found",),
)

order_placed = contract.event(
    "order_placed",
    "A supervisor ordered something for an employee.",
    data={
        "order_id": Id(required=True),
        "order_item_id": Id(required=True),
        "person_id": Id(required=True),
        "account_id": Id(required=True),
        "message_type": Code(required=True),
    },
)
