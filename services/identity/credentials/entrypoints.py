"""Entrypoints of credentials."""

from __future__ import annotations

import time
from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import credentials as contract
from services.identity.credentials import attempts, invitations, links, passwords, queries, renewal
from services.identity.secrets.calls import answer_time


class CredentialsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.change_my_password)
    def change_my_password(self, call: Call) -> Any:
        return passwords.change_password(call)

    @serves(contract.request_new_link)
    def request_new_link(self, call: Call) -> Any:
        answer_at = answer_time()
        answer = renewal.request_new(call)
        time.sleep(max(0.0, answer_at - time.monotonic()))
        return answer

    @serves(contract.describe_login_change)
    def describe_login_change(self, call: Call) -> Any:
        return call.read(queries.describe_login_change)

    @serves(contract.request_password_reset)
    def request_password_reset(self, call: Call) -> Any:
        answer_at = answer_time()
        organisation, account = attempts.reset_target(call)
        answer = call.commit(links.request_reset, organisation, account.id if account else None)
        time.sleep(max(0.0, answer_at - time.monotonic()))
        return answer

    @serves(contract.inspect_credential_link)
    def inspect_credential_link(self, call: Call) -> Any:
        return call.read(queries.inspect_link)

    @serves(contract.redeem_credential_link)
    def redeem_credential_link(self, call: Call) -> Any:
        return call.commit(links.redeem_link, links.new_password(call), call.runtime.settings)

    @serves(contract.mint_credential_link)
    def mint_credential_link(self, call: Call) -> Any:
        return call.transact(
            lambda unit: invitations.mint_link(unit, call.request["invitation_id"], call.runtime.settings)
        )
