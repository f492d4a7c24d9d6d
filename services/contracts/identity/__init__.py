"""What identity offers and publishes: organisations, accounts, credentials, sessions, passports, resource assignments."""

from __future__ import annotations

from services.contracts.declare import Contract

contract = Contract("identity", "Organisations, people, accounts, credentials, sessions and who may do what.")
