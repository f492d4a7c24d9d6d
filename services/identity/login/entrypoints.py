"""Entrypoints of logging in."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import login as contract
from services.identity.login import challenges, handlers, proof, verification


class LoginEntrypoints:
    """What `Service` inherits."""

    @serves(contract.prove_myself)
    def prove_myself(self, call: Call) -> Any:
        return proof.prove(call)

    @serves(contract.complete_log_in)
    def complete_log_in(self, call: Call) -> Any:
        return challenges.complete(call)

    @serves(contract.start_second_factor_at_log_in)
    def start_second_factor_at_log_in(self, call: Call) -> Any:
        return challenges.begin_enrolment(call)

    @serves(contract.log_in)
    def log_in(self, call: Call) -> Any:
        verified = verification.verified(call)
        challenges.refuse_without_code(call, verified)
        return call.commit(
            handlers.start_session,
            verified.organisation,
            verified.account.id,
            verified.account.password_hash,
            call.runtime.settings,
            verified.new_password,
        )
