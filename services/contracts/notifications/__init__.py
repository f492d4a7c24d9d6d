"""What notifications offers and publishes: deliveries of messages to people."""

from __future__ import annotations

from services.contracts.declare import Contract

contract = Contract("notifications", "Templates, preferences, and deliveries by e-mail.")
