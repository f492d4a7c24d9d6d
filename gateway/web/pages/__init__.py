"""The tables of pages: a module for each area of the site."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from gateway.web.page import Page


def _load() -> Iterator[Page]:
    for name in sorted(each.name for each in pkgutil.iter_modules(__path__, f"{__name__}.")):
        yield from importlib.import_module(name).PAGES


PAGES: tuple[Page, ...] = tuple(_load())
