"""Entrypoints of an account's notices."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.notifications import my_notices as contract
from services.notifications.my_notices import handlers, queries


class MyNoticeEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_my_notices)
    def list_my_notices(self, call: Call) -> Any:
        return call.read(queries.list_my_notices)

    @serves(contract.count_my_notices)
    def count_my_notices(self, call: Call) -> Any:
        return call.read(queries.count_my_notices)

    @serves(contract.read_my_notices)
    def read_my_notices(self, call: Call) -> Any:
        return call.commit(handlers.read_my_notices, call.caller)

    @serves(contract.confirm_my_notice)
    def confirm_my_notice(self, call: Call) -> Any:
        return call.commit(handlers.confirm_my_notice, call.caller)
