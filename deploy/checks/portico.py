"""The input of the checks: contracts, services, routes and source. Tests replace parts of it by faulty ones."""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from typing import Any

from deploy.checks.source import Module, modules
from gateway.api import ROUTES
from gateway.routes import Route
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Contract, Event, Operation


@dataclass(frozen=True)
class Portico:
    """The declarations and the code that belongs to them."""

    contracts: tuple[Contract, ...]
    services: dict[str, Any]
    routes: tuple[Route, ...]
    modules: tuple[Module, ...]

    @functools.cached_property
    def operations(self) -> dict[str, list[Operation]]:
        """The declared operations of each service."""
        return {contract.service: list(contract.operations.values()) for contract in self.contracts}

    @property
    def all_operations(self) -> list[Operation]:
        """The operations of all services."""
        return [operation for operations in self.operations.values() for operation in operations]

    @functools.cached_property
    def events(self) -> list[Event]:
        """The declared events of all services."""
        return [event for contract in self.contracts for event in contract.events.values()]

    def of(self, package: str) -> list[Module]:
        """The modules of a package."""
        return [module for module in self.modules if module.is_in(package)]


@functools.cache
def portico() -> Portico:
    """This checkout."""
    services = {
        contract.service: importlib.import_module(f"services.{contract.service}.service").Service
        for contract in CONTRACTS
    }
    return Portico(CONTRACTS, services, ROUTES, tuple(modules("services", "gateway")))
