"""Who acts in a transaction."""

from __future__ import annotations

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork


def actor(unit: UnitOfWork) -> str:
    """Who does it, as it is noted beside a change."""
    return unit.caller.id if unit.caller else "anonymous"


def caller_of(unit: UnitOfWork) -> Caller:
    """Who acts in this transaction; the operation lets nobody in without a passport."""
    assert unit.caller is not None  # noqa: S101 - the operation's declaration lets nobody in without a passport
    return unit.caller
