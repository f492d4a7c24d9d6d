"""How far an order is, by the item of the queue that it made. Pure."""

from __future__ import annotations

MESSAGE_TYPE = "employee_order"
REFERENCE = "employee_order"
_STATE_OF = {"open": "open", "completed": "completed", "not_completed": "cancelled"}


def state_of(item_state: str) -> str:
    """The state of an order whose item in the queue has this state."""
    return _STATE_OF[item_state]


def item_states(order_state: str) -> list[str]:
    """The states of queue items that mean this state of an order."""
    return [item for item, order in _STATE_OF.items() if order == order_state]


def words(name: str, note: str | None) -> str:
    """The text that staff read in the queue."""
    return f"{name}\n\n{note}" if note else name
