"""Entrypoints of access: sessions, second factors, API clients, new links."""

from __future__ import annotations

import time
from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import api_clients, credentials, login
from services.contracts.identity import second_factor as second_factor_contract
from services.contracts.identity import sessions as sessions_contract
from services.identity.access import challenges, clients, links, second_factor, sessions
from services.identity.access.vault import vault_of
from services.identity.login import take_secret


class AccessEntrypoints:
    """Mixed into the service."""

    @serves(sessions_contract.list_my_sessions)
    def list_my_sessions(self, call: Call) -> Any:
        """See the contract."""
        return call.read(sessions.list_mine)

    @serves(sessions_contract.end_my_session)
    def end_my_session(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(sessions.end_mine)

    @serves(sessions_contract.end_my_other_sessions)
    def end_my_other_sessions(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(sessions.end_my_others)

    @serves(sessions_contract.list_account_sessions)
    def list_account_sessions(self, call: Call) -> Any:
        """See the contract."""
        answer = call.read(sessions.list_of_account)
        call.transact(lambda unit: unit.audit("session.listed", "account", call.request["account_id"]))
        return answer

    @serves(sessions_contract.end_account_sessions)
    def end_account_sessions(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(sessions.end_of_account)

    @serves(login.prove_myself)
    def prove_myself(self, call: Call) -> Any:
        """See the contract."""
        return sessions.prove(call)

    @serves(credentials.change_my_password)
    def change_my_password(self, call: Call) -> Any:
        """See the contract."""
        return sessions.change_password(call)

    @serves(login.complete_log_in)
    def complete_log_in(self, call: Call) -> Any:
        """See the contract."""
        return challenges.complete(call)

    @serves(login.start_second_factor_at_log_in)
    def start_second_factor_at_log_in(self, call: Call) -> Any:
        """See the contract."""
        return challenges.begin_enrolment(call)

    @serves(second_factor_contract.get_my_second_factor)
    def get_my_second_factor(self, call: Call) -> Any:
        """See the contract."""
        return call.read(second_factor.get_mine)

    @serves(second_factor_contract.start_second_factor)
    def start_second_factor(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(second_factor.start, vault_of(call.runtime.settings))

    @serves(second_factor_contract.confirm_second_factor)
    def confirm_second_factor(self, call: Call) -> Any:
        """See the contract."""
        second_factor.check_own_code(call, take_secret(call, "code"), confirms=True)
        return call.commit(second_factor.confirm)

    @serves(second_factor_contract.renew_recovery_codes)
    def renew_recovery_codes(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(second_factor.renew)

    @serves(second_factor_contract.remove_second_factor)
    def remove_second_factor(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(second_factor.remove_mine)

    @serves(second_factor_contract.reset_second_factor)
    def reset_second_factor(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(second_factor.reset)

    @serves(second_factor_contract.set_role_second_factor)
    def set_role_second_factor(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(second_factor.set_role_demand)

    @serves(api_clients.open_api_session)
    def open_api_session(self, call: Call) -> Any:
        """See the contract."""
        return clients.open_session(call)

    @serves(api_clients.list_api_clients)
    def list_api_clients(self, call: Call) -> Any:
        """See the contract."""
        return call.read(clients.list_clients)

    @serves(api_clients.create_api_client)
    def create_api_client(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(clients.create)

    @serves(api_clients.change_api_client)
    def change_api_client(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(clients.change)

    @serves(api_clients.rotate_api_secret)
    def rotate_api_secret(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(clients.rotate_secret)

    @serves(api_clients.revoke_api_client)
    def revoke_api_client(self, call: Call) -> Any:
        """See the contract."""
        return call.commit(clients.revoke)

    @serves(credentials.request_new_link)
    def request_new_link(self, call: Call) -> Any:
        """See the contract."""
        answer_at = links.answer_time()
        answer = links.request_new(call)
        time.sleep(max(0.0, answer_at - time.monotonic()))
        return answer
