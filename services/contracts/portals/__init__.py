"""What portals offers and publishes: the portals' configuration."""

from __future__ import annotations

from services.contracts.declare import Contract

contract = Contract("portals", "Portal definitions, their configuration and what people see in them.")
