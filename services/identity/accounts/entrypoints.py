"""Entrypoints of accounts."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import accounts as contract
from services.contracts.referrals import directory as referrals
from services.identity.accounts import corrections, handlers, queries
from services.identity.registry.accounts import find_account


class AccountsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.set_my_notifications)
    def set_my_notifications(self, call: Call) -> Any:
        return call.commit(handlers.set_my_notifications)

    @serves(contract.set_my_preferences)
    def set_my_preferences(self, call: Call) -> Any:
        return call.commit(handlers.set_my_preferences)

    @serves(contract.set_my_shortcuts)
    def set_my_shortcuts(self, call: Call) -> Any:
        return call.commit(handlers.set_my_shortcuts)

    @serves(contract.create_account)
    def create_account(self, call: Call) -> Any:
        return call.commit(handlers.create_account)

    @serves(contract.get_account)
    def get_account(self, call: Call) -> Any:
        answer = call.read(queries.get_account)
        call.transact(lambda unit: handlers.note_account_read(unit, answer["id"]))
        return answer

    @serves(contract.list_accounts)
    def list_accounts(self, call: Call) -> Any:
        return call.read(queries.list_accounts)

    @serves(contract.search_accounts)
    def search_accounts(self, call: Call) -> Any:
        return call.read(queries.search_accounts)

    @serves(contract.search_signers)
    def search_signers(self, call: Call) -> Any:
        return call.read(queries.search_signers)

    @serves(contract.edit_account)
    def edit_account(self, call: Call) -> Any:
        return call.commit(corrections.edit_account)

    @serves(contract.set_security_level)
    def set_security_level(self, call: Call) -> Any:
        return call.commit(handlers.set_security_level)

    @serves(contract.disable_account)
    def disable_account(self, call: Call) -> Any:
        return call.commit(handlers.disable_account)

    @serves(contract.enable_account)
    def enable_account(self, call: Call) -> Any:
        return call.commit(handlers.enable_account)

    @serves(contract.assign_resource)
    def assign_resource(self, call: Call) -> Any:
        with call.runtime.database.reading(call.organisation_id) as session:
            handlers.require_provider(find_account(session, call.request["account_id"]))
        resource = call.ask(referrals.describe_resource, {"resource_id": call.request["resource_id"]})
        return call.commit(handlers.assign_resource, resource)

    @serves(contract.remove_resource)
    def remove_resource(self, call: Call) -> Any:
        return call.commit(handlers.remove_resource)

    @serves(contract.set_provider_switches)
    def set_provider_switches(self, call: Call) -> Any:
        return call.commit(handlers.set_provider_switches)

    @serves(contract.invite_account)
    def invite_account(self, call: Call) -> Any:
        return call.commit(handlers.invite_account)

    @serves(contract.list_resource_recipients)
    def list_resource_recipients(self, call: Call) -> Any:
        return call.read(queries.list_resource_recipients)

    @serves(contract.describe_account)
    def describe_account(self, call: Call) -> Any:
        return call.read(queries.describe_account)

    @serves(contract.stop_resource_emails)
    def stop_resource_emails(self, call: Call) -> Any:
        return call.commit(handlers.stop_resource_emails)

    @serves(contract.find_or_invite_signers)
    def find_or_invite_signers(self, call: Call) -> Any:
        return call.commit(handlers.find_or_invite_signers)

    @serves(contract.describe_authors)
    def describe_authors(self, call: Call) -> Any:
        return call.read(queries.describe_authors)
