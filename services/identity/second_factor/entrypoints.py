"""Entrypoints of second factor."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import second_factor as contract
from services.identity.second_factor import handlers
from services.identity.secrets.calls import take_secret
from services.identity.secrets.vault import vault_of


class SecondFactorEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_my_second_factor)
    def get_my_second_factor(self, call: Call) -> Any:
        return call.read(handlers.get_mine)

    @serves(contract.start_second_factor)
    def start_second_factor(self, call: Call) -> Any:
        return call.commit(handlers.start, vault_of(call.runtime.settings))

    @serves(contract.confirm_second_factor)
    def confirm_second_factor(self, call: Call) -> Any:
        handlers.check_own_code(call, take_secret(call, "code"), confirms=True)
        return call.commit(handlers.confirm)

    @serves(contract.renew_recovery_codes)
    def renew_recovery_codes(self, call: Call) -> Any:
        return call.commit(handlers.renew)

    @serves(contract.remove_second_factor)
    def remove_second_factor(self, call: Call) -> Any:
        return call.commit(handlers.remove_mine)

    @serves(contract.reset_second_factor)
    def reset_second_factor(self, call: Call) -> Any:
        return call.commit(handlers.reset)

    @serves(contract.set_role_second_factor)
    def set_role_second_factor(self, call: Call) -> Any:
        return call.commit(handlers.set_role_demand)
