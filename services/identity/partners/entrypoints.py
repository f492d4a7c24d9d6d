"""Entrypoints of partners."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import partners as contract
from services.identity.partners import handlers
from services.identity.partners.handlers import address_of


class PartnersEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_partners)
    def list_partners(self, call: Call) -> Any:
        return call.read(handlers.list_partners, address_of(call))

    @serves(contract.get_partner)
    def get_partner(self, call: Call) -> Any:
        return call.read(handlers.get_partner, address_of(call))

    @serves(contract.create_partner)
    def create_partner(self, call: Call) -> Any:
        return call.commit(handlers.create, address_of(call))

    @serves(contract.choose_event_types)
    def choose_event_types(self, call: Call) -> Any:
        return call.commit(handlers.choose_types, address_of(call))

    @serves(contract.rotate_partner_password)
    def rotate_partner_password(self, call: Call) -> Any:
        return call.commit(handlers.rotate_password, address_of(call))

    @serves(contract.revoke_partner)
    def revoke_partner(self, call: Call) -> Any:
        return call.commit(handlers.revoke, address_of(call))
