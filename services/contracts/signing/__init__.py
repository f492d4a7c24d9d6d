"""What signing offers and publishes: documents that are sent, signed or declined, and returned."""

from __future__ import annotations

from services.contracts.declare import Contract

contract = Contract("signing", "Documents, signature requests, decisions and PAdES signatures.")
