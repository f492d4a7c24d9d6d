"""Entrypoints of sessions."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import sessions as contract
from services.identity.sessions import handlers, queries


class SessionsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_my_sessions)
    def list_my_sessions(self, call: Call) -> Any:
        return call.read(queries.list_mine)

    @serves(contract.end_my_session)
    def end_my_session(self, call: Call) -> Any:
        return call.commit(handlers.end_mine)

    @serves(contract.end_my_other_sessions)
    def end_my_other_sessions(self, call: Call) -> Any:
        return call.commit(handlers.end_my_others)

    @serves(contract.list_account_sessions)
    def list_account_sessions(self, call: Call) -> Any:
        answer = call.read(queries.list_of_account)
        call.note_reading("session.listed", "account", call.request["account_id"])
        return answer

    @serves(contract.end_account_sessions)
    def end_account_sessions(self, call: Call) -> Any:
        return call.commit(handlers.end_of_account)

    @serves(contract.log_out)
    def log_out(self, call: Call) -> Any:
        return call.commit(handlers.log_out)
