"""Entrypoints of a client's contacts and Family Portal access."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import family as contract
from services.identity.family import contacts, handlers, queries


class FamilyEntrypoints:
    """What `Service` inherits."""

    @serves(contract.add_client_contact)
    def add_client_contact(self, call: Call) -> Any:
        return call.commit(contacts.add_client_contact)

    @serves(contract.list_client_contacts)
    def list_client_contacts(self, call: Call) -> Any:
        answer = call.read(contacts.list_client_contacts)
        call.note_reading("contacts.read", "person", call.request["client_id"])
        return answer

    @serves(contract.disable_client_contact)
    def disable_client_contact(self, call: Call) -> Any:
        return call.commit(contacts.disable_client_contact)

    @serves(contract.get_family_access_form)
    def get_family_access_form(self, call: Call) -> Any:
        return call.read(queries.get_access_form)

    @serves(contract.add_family_access)
    def add_family_access(self, call: Call) -> Any:
        return call.commit(handlers.add_access)

    @serves(contract.get_family_access)
    def get_family_access(self, call: Call) -> Any:
        answer = call.read(queries.get_access)
        call.note_reading(
            "family_access.read", "account", answer["account_id"], person_id=answer["client_id"]
        )
        return answer

    @serves(contract.resend_family_invitation)
    def resend_family_invitation(self, call: Call) -> Any:
        return call.commit(handlers.resend_invitation)

    @serves(contract.change_family_access)
    def change_family_access(self, call: Call) -> Any:
        return call.commit(handlers.change_access)

    @serves(contract.change_family_login)
    def change_family_login(self, call: Call) -> Any:
        return call.commit(handlers.change_login)

    @serves(contract.remove_family_access)
    def remove_family_access(self, call: Call) -> Any:
        return call.commit(handlers.remove_access)
