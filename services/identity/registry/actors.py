"""Who acts in a transaction."""

from __future__ import annotations

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork


def caller_of(unit: UnitOfWork) -> Caller:
    """Who acts in this transaction; the operation lets nobody in without a passport."""
    assert unit.caller is not None  # noqa: S101 - the operation's declaration asks for a passport
    return unit.caller
