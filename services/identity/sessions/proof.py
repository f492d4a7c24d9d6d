"""Whether the caller has recently proven to be the account's owner."""

from __future__ import annotations

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.identity.registry.actors import caller_of


def proven_caller(unit: UnitOfWork) -> Caller:
    """The caller, if there was a proof a short while ago: a password or code. Raises Refused(proof_required)."""
    caller = caller_of(unit)
    caller.require_proof()
    return caller
