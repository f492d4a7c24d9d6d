"""Entrypoints of outside sign-in: providers, signing in and out, links."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import outside as contract
from services.identity.outside import identities, queries, rules, sign_out


def _with_provider(module: str) -> Any:
    """Load a module that talks to providers when it is first used: an installation without one saves 8 MB of libraries."""
    return import_module(f"services.identity.outside.{module}")


class OutsideEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_identity_providers)
    def list_identity_providers(self, call: Call) -> Any:
        return call.read(_with_provider("providers").list_all, call.runtime.settings)

    @serves(contract.get_identity_provider)
    def get_identity_provider(self, call: Call) -> Any:
        return call.read(_with_provider("providers").get, call.runtime.settings)

    @serves(contract.create_identity_provider)
    def create_identity_provider(self, call: Call) -> Any:
        return call.commit(_with_provider("providers").create, call.runtime.settings)

    @serves(contract.change_identity_provider)
    def change_identity_provider(self, call: Call) -> Any:
        return call.commit(_with_provider("providers").change, call.runtime.settings)

    @serves(contract.delete_identity_provider)
    def delete_identity_provider(self, call: Call) -> Any:
        return call.commit(_with_provider("providers").remove)

    @serves(contract.check_identity_provider)
    def check_identity_provider(self, call: Call) -> Any:
        return _with_provider("providers").check(call)

    @serves(contract.list_sign_in_options)
    def list_sign_in_options(self, call: Call) -> Any:
        return call.read(queries.list_options)

    @serves(contract.start_outside_sign_in)
    def start_outside_sign_in(self, call: Call) -> Any:
        return _with_provider("authorization_requests").start_sign_in(call)

    @serves(contract.complete_outside_sign_in)
    def complete_outside_sign_in(self, call: Call) -> Any:
        return _with_provider("sign_in").complete(call)

    @serves(contract.sign_out)
    def sign_out(self, call: Call) -> Any:
        provider = sign_out.find_provider(call)
        url = _with_provider("providers").sign_out_url(call, provider) if provider else None
        return call.commit(sign_out.end_session, url)

    @serves(contract.list_my_outside_identities)
    def list_my_outside_identities(self, call: Call) -> Any:
        return call.read(identities.list_mine)

    @serves(contract.start_outside_link)
    def start_outside_link(self, call: Call) -> Any:
        return _with_provider("authorization_requests").start_for_caller(call, rules.LINK)

    @serves(contract.start_outside_proof)
    def start_outside_proof(self, call: Call) -> Any:
        return _with_provider("authorization_requests").start_for_caller(
            call, rules.PROOF, prompt="login", max_age=0
        )

    @serves(contract.unlink_my_outside_identity)
    def unlink_my_outside_identity(self, call: Call) -> Any:
        return call.commit(identities.unlink_mine)

    @serves(contract.list_account_outside_identities)
    def list_account_outside_identities(self, call: Call) -> Any:
        answer = call.read(identities.list_of_account)
        call.note_reading("outside_identity.listed", "account", call.request["account_id"])
        return answer

    @serves(contract.link_account_outside_identity)
    def link_account_outside_identity(self, call: Call) -> Any:
        return call.commit(identities.link_by_staff)

    @serves(contract.unlink_account_outside_identity)
    def unlink_account_outside_identity(self, call: Call) -> Any:
        return call.commit(identities.unlink_by_staff)
