"""Whether the caller has lately proven to be the same person."""

from __future__ import annotations

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork


def proven_caller(unit: UnitOfWork) -> Caller:
    """The caller, who has given a password or code a short while ago. Raises Refused(proof_required)."""
    assert unit.caller is not None  # noqa: S101 - the operation's declaration lets nobody in without a passport
    unit.caller.require_proof()
    return unit.caller
