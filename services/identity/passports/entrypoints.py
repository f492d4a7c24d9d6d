"""Entrypoints of passports."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.chassis.unit_of_work import utc_now
from services.contracts.identity import passports as contract
from services.identity.api_clients.handlers import is_api_token
from services.identity.passports import queries
from services.identity.passports.standing import standing_of, standing_of_client
from services.identity.sessions.seen import seen_sessions


class PassportsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.issue_passport)
    def issue_passport(self, call: Call) -> Any:
        token, address = call.request["token"], call.context.client_address
        with call.runtime.database.reading(None) as session:
            standing = (
                standing_of_client(session, token, address)
                if is_api_token(token)
                else standing_of(session, token, call.runtime.settings, address)
            )
        passport = call.runtime.issuer.for_account(call.request["audience"], standing.claims())
        seen_sessions(call.runtime).note(standing.session_id, standing.last_seen_at, utc_now())
        return {
            "passport": passport,
            "account_id": standing.account_id,
            "organisation_id": standing.organisation_id,
        }

    @serves(contract.describe_me)
    def describe_me(self, call: Call) -> Any:
        return call.read(queries.describe_me)

    @serves(contract.check_permission)
    def check_permission(self, call: Call) -> Any:
        return call.read(queries.check_permission)
