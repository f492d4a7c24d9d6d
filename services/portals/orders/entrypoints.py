"""Entrypoints of orders."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import orders
from services.portals.definitions.supervised import require_supervised
from services.portals.orders import handlers, queries
from services.portals.people import asking


class OrdersEntrypoints:
    """What `Service` inherits."""

    @serves(orders.list_order_items)
    def list_order_items(self, call: Call) -> Any:
        return call.read(queries.list_order_items)

    @serves(orders.create_order_item)
    def create_order_item(self, call: Call) -> Any:
        return call.commit(handlers.create_order_item)

    @serves(orders.change_order_item)
    def change_order_item(self, call: Call) -> Any:
        return call.commit(handlers.change_order_item)

    @serves(orders.list_offered_orders)
    def list_offered_orders(self, call: Call) -> Any:
        return call.read(queries.list_offered_orders)

    @serves(orders.place_order)
    def place_order(self, call: Call) -> Any:
        call.check(require_supervised, call.request["person_id"])
        return call.commit(
            handlers.place_order, call.caller, asking.addressee(call, call.request["person_id"])
        )

    @serves(orders.list_my_orders)
    def list_my_orders(self, call: Call) -> Any:
        """Orders for employees. That they were read is written."""
        answer = call.read(queries.list_my_orders)
        shown = {each["person_id"] for each in (*answer["items"], *answer["of_panels"])}
        call.note_readings("orders.read", "person", {each: {"person_id": each} for each in sorted(shown)})
        return answer
