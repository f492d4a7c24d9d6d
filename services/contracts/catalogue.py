"""All contracts, in the order of the documentation. This module loads every module of each contract's package."""

from __future__ import annotations

import importlib
import pkgutil

from services.contracts.declare import Contract

SERVICES = ("identity", "referrals", "portals", "notifications", "signing")


def _load(service: str) -> Contract:
    """The contract of a service, filled by the declarations of all its subjects."""
    package = importlib.import_module(f"services.contracts.{service}")
    names = [each.name for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    for module in sorted(names):
        importlib.import_module(module)
    contract: Contract = package.contract
    return contract


CONTRACTS: tuple[Contract, ...] = tuple(map(_load, SERVICES))
