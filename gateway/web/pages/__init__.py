"""The tables of pages: a module for each area of the site, or for each subject of a large one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from gateway.web.page import Page


def _load() -> Iterator[Page]:
    modules = pkgutil.walk_packages(__path__, f"{__name__}.")
    for name in sorted(each.name for each in modules if not each.ispkg):
        yield from importlib.import_module(name).PAGES


PAGES: tuple[Page, ...] = tuple(_load())
