"""A caller's scope: staff reach everything in the organisation, providers their programs, all others nothing.

Rows S0-1, S0-36 to S0-38. The scope comes from the passport, which identity signs for every request. A new or removed
assignment therefore counts from the next call on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from services.chassis.passports import REALM_OF_SYSTEMS, Caller
from services.contracts.errors import Refused, lacking
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import is_of_agency
from services.referrals.directory.rules import Level
from services.referrals.models import QueueProgram

STAFF, PROVIDER = "staff", "provider"
READ_RECORDS = "record.read"


@dataclass(frozen=True)
class AccessScope:
    """Either `everything`, or these programs and, of these agencies, all that is in a ReferralQ.

    That are their programs and, where the organisation lets agencies take referrals, themselves and their sites.
    """

    everything: bool = False
    program_ids: frozenset[str] = frozenset()
    agency_ids: frozenset[str] = frozenset()

    def of_referrals(
        self, program_id: ColumnElement[str] | InstrumentedAttribute[str]
    ) -> ColumnElement[bool]:
        """Condition on a column of program ids: the caller reaches referrals to the program, from any ReferralQ (S0-37)."""
        if self.everything:
            return true()
        return or_(program_id.in_(self.program_ids), program_id.in_(self._of_agencies()))

    def of_capacity(self, program_id: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[bool]:
        """Condition on a column of program ids: the caller reaches the program's capacity.

        For a provider the program must be in a ReferralQ.
        """
        if self.everything:
            return true()
        return and_(self.of_referrals(program_id), program_id.in_(select(QueueProgram.program_id)))

    def of_resources(self) -> ColumnElement[bool]:
        """Condition on resources: the caller works for it, whether it is in a ReferralQ or not."""
        if self.everything:
            return true()
        return or_(Resource.id.in_(self.program_ids), is_of_agency(*self.agency_ids))

    def _of_agencies(self) -> Select[str]:
        return (
            select(Resource.id)
            .join(QueueProgram, QueueProgram.program_id == Resource.id)
            .where(is_of_agency(*self.agency_ids))
        )


def access_scope_of(caller: Caller | None) -> AccessScope:
    """The scope of a caller. An entry of the passport that has another shape adds nothing."""
    if caller is None or caller.kind != "account":
        return AccessScope()
    if caller.realm in (STAFF, REALM_OF_SYSTEMS):  # a system's scopes limit what it may do
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
    """Whether the caller may see the whole contact record of a referral in reach (S0-24, S0-25)."""
    if caller is None or caller.kind != "account":
        return False
    if caller.realm in (STAFF, REALM_OF_SYSTEMS):
        return caller.may(READ_RECORDS)
    return caller.realm == PROVIDER and caller.scope.get("details") is True


def no_details(caller: Caller | None) -> Refused:
    """`forbidden` for a caller who may not see details, with what would let them: a provider's switch, staff's permission."""
    if caller is None or caller.realm != PROVIDER:
        return lacking(READ_RECORDS)
    told = "This needs the switch can_access_details, which is off for your account. Your partner can switch it on."
    return Refused("forbidden", told, switch="can_access_details")


def _ids(entries: list[Mapping[str, Any]], level: Level) -> frozenset[str]:
    return frozenset(
        entry["id"]
        for entry in entries
        if entry.get("level") == level.value and isinstance(entry.get("id"), str)
    )
