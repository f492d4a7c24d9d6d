"""Entrypoints of passports."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.chassis.unit_of_work import utc_now
from services.contracts.identity import passports as contract
from services.identity.passports import queries
from services.identity.passports.standing import standing_of
from services.identity.sessions.seen import seen_sessions


class PassportsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.issue_passport)
    def issue_passport(self, call: Call) -> Any:
        runtime = call.runtime
        standing = standing_of(
            runtime.database, call.request["token"], runtime.settings, call.context.client_address
        )
        audience = call.request["audience"]
        passport = runtime.issuer.for_account(audience, standing.claims(audience))
        seen_sessions(runtime).note(standing.session_id, standing.last_seen_at, utc_now())
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
