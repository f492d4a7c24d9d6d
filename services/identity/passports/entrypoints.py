"""Entrypoints of passports."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import passports as contract
from services.identity.passports import issuing, queries


class PassportsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.issue_passports)
    def issue_passports(self, call: Call) -> Any:
        return issuing.issue_passports(call.runtime, asked=call.request["asked"])

    @serves(contract.describe_me)
    def describe_me(self, call: Call) -> Any:
        return call.read(queries.describe_me, call.runtime.settings)

    @serves(contract.check_permission)
    def check_permission(self, call: Call) -> Any:
        return call.read(queries.check_permission)
