"""Entrypoints of recipients."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import recipients as contract
from services.identity.recipients import queries


class RecipientsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_person_recipients)
    def list_person_recipients(self, call: Call) -> Any:
        return call.read(queries.list_person_recipients)

    @serves(contract.list_role_recipients)
    def list_role_recipients(self, call: Call) -> Any:
        return call.read(queries.list_role_recipients)
