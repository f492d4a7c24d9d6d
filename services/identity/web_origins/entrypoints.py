"""Entrypoints of web origins."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import web_origins as contract
from services.identity.web_origins import handlers


class WebOriginsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_web_origins)
    def get_web_origins(self, call: Call) -> Any:
        return call.read(handlers.get_web_origins)

    @serves(contract.set_web_origins)
    def set_web_origins(self, call: Call) -> Any:
        return call.commit(handlers.set_web_origins)

    @serves(contract.find_web_origin)
    def find_web_origin(self, call: Call) -> Any:
        return call.read(handlers.find_web_origin)
