"""The caller of a transaction."""

from __future__ import annotations

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork


def caller_of(unit: UnitOfWork) -> Caller:
    """The caller of this transaction. The operation must not be public."""
    assert unit.caller is not None  # noqa: S101 - the operation's declaration lets nobody in without a passport
    return unit.caller
