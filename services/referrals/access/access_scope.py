"""What a caller may reach: staff everything in the organisation, a provider the own programs, anybody else nothing.

Rows S0-1, S0-36 to S0-38. The scope comes from the passport, signed by identity on every request, so an assignment
that was added or taken away counts from the next call on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, true

from services.chassis.passports import REALM_OF_SYSTEMS, Caller
from services.referrals.directory.models import Resource
from services.referrals.directory.rules import Level
from services.referrals.models import QueueProgram

STAFF, PROVIDER = "staff", "provider"


@dataclass(frozen=True)
class AccessScope:
    """`everything`, or the programs with these ids and the queued programs of the agencies with these ids."""

    everything: bool = False
    program_ids: frozenset[str] = frozenset()
    agency_ids: frozenset[str] = frozenset()

    def of_referrals(self, program_id: Any) -> ColumnElement[bool]:
        """Condition on a column with a program's id: referrals to it are in reach, from any queue (S0-37)."""
        if self.everything:
            return true()
        return or_(program_id.in_(self.program_ids), program_id.in_(self._of_agencies()))

    def of_capacity(self, program_id: Any) -> ColumnElement[bool]:
        """Condition on a column with a program's id: its capacity is in reach. A provider's must be in a ReferralQ."""
        if self.everything:
            return true()
        return and_(self.of_referrals(program_id), program_id.in_(select(QueueProgram.program_id)))

    def _of_agencies(self) -> Any:
        return (
            select(Resource.id)
            .join(QueueProgram, QueueProgram.program_id == Resource.id)
            .where(Resource.level == Level.PROGRAM.value, Resource.agency_id.in_(self.agency_ids))
        )


def access_scope_of(caller: Caller | None) -> AccessScope:
    """What the caller reaches. What is not understood adds nothing."""
    if caller is None or caller.kind != "account":
        return AccessScope()
    if caller.realm in (STAFF, REALM_OF_SYSTEMS):  # what a system may do there is in its scopes
        return AccessScope(everything=True)
    if caller.realm != PROVIDER:
        return AccessScope()
    assigned = caller.scope.get("resources")
    entries = (
        [entry for entry in assigned if isinstance(entry, Mapping)] if isinstance(assigned, list) else []
    )
    return AccessScope(
        program_ids=_ids(entries, Level.PROGRAM),
        agency_ids=_ids(entries, Level.AGENCY),
    )


def may_see_details(caller: Caller | None) -> bool:
    """Whether the whole contact record of a referral in reach may be shown (S0-24, S0-25)."""
    if caller is None or caller.kind != "account":
        return False
    if caller.realm in (STAFF, REALM_OF_SYSTEMS):
        return caller.may("record.read")
    return caller.realm == PROVIDER and caller.scope.get("details") is True


def _ids(entries: list[Mapping[str, Any]], level: Level) -> frozenset[str]:
    return frozenset(
        entry["id"]
        for entry in entries
        if entry.get("level") == level.value and isinstance(entry.get("id"), str)
    )
