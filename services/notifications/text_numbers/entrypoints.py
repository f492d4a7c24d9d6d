"""Entrypoints of text numbers."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.notifications import text_numbers as contract
from services.notifications.text_numbers import handlers


class TextNumberEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_my_text_number)
    def get_my_text_number(self, call: Call) -> Any:
        return call.read(handlers.get_my_text_number, call.runtime.settings)

    @serves(contract.enter_my_text_number)
    def enter_my_text_number(self, call: Call) -> Any:
        return call.commit(handlers.enter_my_text_number, call.runtime.settings)

    @serves(contract.confirm_my_text_number)
    def confirm_my_text_number(self, call: Call) -> Any:
        return handlers.confirm_my_text_number(call)

    @serves(contract.remove_my_text_number)
    def remove_my_text_number(self, call: Call) -> Any:
        return call.commit(handlers.remove_my_text_number, call.runtime.settings)
