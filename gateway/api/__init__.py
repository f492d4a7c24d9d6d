"""The routes: one table for each subject of a service, in the order of the documentation."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from gateway.routes import Route
from services.contracts.catalogue import SERVICES


def _load(service: str) -> Iterator[Route]:
    package = importlib.import_module(f"gateway.api.{service}")
    names = [each.name for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    for module in sorted(names):
        yield from importlib.import_module(module).ROUTES


ROUTES: tuple[Route, ...] = tuple(route for service in SERVICES for route in _load(service))
