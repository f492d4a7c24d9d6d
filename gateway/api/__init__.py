"""The routes: one table for each subject of a service, in the order in which they are documented."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from gateway.routes import Route
from services.contracts.catalogue import SERVICES


def _load(service: str) -> Iterator[Route]:
    package = importlib.import_module(f"gateway.api.{service}")
    names = [
        each.name for each in pkgutil.iter_modules(getattr(package, "__path__", []), f"{package.__name__}.")
    ]
    names += [  # TRANSITION
        each.name
        for each in pkgutil.iter_modules(__path__, "gateway.api.")
        if each.name.startswith(f"gateway.api.{service}_")
    ]
    if hasattr(package, "ROUTES"):
        yield from package.ROUTES
    for module in sorted(names):
        yield from importlib.import_module(module).ROUTES
    if service == "identity" and pkgutil.find_loader("gateway.api.audit"):  # TRANSITION
        yield from importlib.import_module("gateway.api.audit").ROUTES


ROUTES: tuple[Route, ...] = tuple(route for service in SERVICES for route in _load(service))
