"""Entrypoints of pick-up codes."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import pickup_codes as contract
from services.identity.pickup_codes import handlers


class PickupCodesEntrypoints:
    """What `Service` inherits."""

    @serves(contract.create_pickup_code)
    def create_pickup_code(self, call: Call) -> Any:
        return call.commit(handlers.create)

    @serves(contract.send_pickup_code)
    def send_pickup_code(self, call: Call) -> Any:
        return call.commit(handlers.send)

    @serves(contract.send_pickup_codes)
    def send_pickup_codes(self, call: Call) -> Any:
        return call.commit(handlers.send_many)

    @serves(contract.mint_pickup_code)
    def mint_pickup_code(self, call: Call) -> Any:
        return call.transact(lambda unit: handlers.mint(unit, code_id=call.request["code_id"]))

    @serves(contract.list_pickup_codes)
    def list_pickup_codes(self, call: Call) -> Any:
        return call.read(handlers.list_codes)

    @serves(contract.redeem_pickup_code)
    def redeem_pickup_code(self, call: Call) -> Any:
        return handlers.redeem(call)
