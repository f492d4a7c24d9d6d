"""The picklist of what supervisors may order for employees (S2-22)."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.portals import orders

PAGES = (
    Page(
        "/staff/order-items",
        "staff/orders/picklist.html",
        reads={"picklist": Read(orders.list_order_items, given={"limit": 50}, query=("after",))},
        actions=(
            Action("create_order_item", orders.create_order_item, "It can be ordered now."),
            Action("change_order_item", orders.change_order_item, "That is saved."),
        ),
    ),
)
