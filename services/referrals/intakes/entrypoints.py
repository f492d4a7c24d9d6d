"""Entrypoints of intakes."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import intakes
from services.referrals.intakes import handlers
from services.referrals.records import people


class IntakeEntrypoints:
    """What `Service` offers about intakes."""

    @serves(intakes.create_intake)
    def create_intake(self, call: Call) -> Any:
        return people.enter(call, handlers.create_intake)
