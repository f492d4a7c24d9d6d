"""Entrypoints of the audit trail, explanations of access and emergency access."""

from __future__ import annotations

from typing import Any

from services.chassis.audit_search import note_looking, serves_audit
from services.chassis.operations import Call, serves
from services.contracts.identity import audit as contract
from services.contracts.referrals import directory as referrals
from services.identity.audit import emergency, explain
from services.identity.merging.handlers import merged_into


def _ids_of(call: Call, person_id: str) -> list[str]:
    """The person's id and the ids of the records that were merged into it."""
    with call.runtime.database.reading(call.organisation_id) as session:
        return [person_id, *merged_into(session, person_id)]


@serves_audit(contract.trail, _ids_of, explain.names_of)
class AuditEntrypoints:
    """What `Service` inherits."""

    @serves(contract.explain_access)
    def explain_access(self, call: Call) -> Any:
        return call.read(explain.explain_access, _agency_of(call, call.request["resource_id"]))

    @serves(contract.list_who_can_see)
    def list_who_can_see(self, call: Call) -> Any:
        return call.read(explain.list_who_can_see, _agency_of(call, call.request["resource_id"]))

    @serves(contract.preview_removal)
    def preview_removal(self, call: Call) -> Any:
        with call.runtime.database.reading(call.organisation_id) as session:
            resource_id = explain.resource_of_assignment(
                session,
                account_id=call.request["account_id"],
                assignment_id=call.request["assignment_id"],
            )
        return call.read(explain.preview_removal, _agency_of(call, resource_id))

    @serves(contract.break_glass)
    def break_glass(self, call: Call) -> Any:
        emergency.require_object(call)
        settings = call.runtime.settings
        return call.commit(
            emergency.break_glass, settings.emergency_access_minutes, settings.emergency_accesses_per_day
        )

    @serves(contract.review_break_glass)
    def review_break_glass(self, call: Call) -> Any:
        return call.commit(emergency.review_break_glass, call.runtime.tables)

    @serves(contract.end_break_glass)
    def end_break_glass(self, call: Call) -> Any:
        return call.commit(emergency.end_break_glass, call.runtime.tables)

    @serves(contract.list_break_glass)
    def list_break_glass(self, call: Call) -> Any:
        answer = call.read(emergency.list_break_glass, call.runtime.tables)
        note_looking(call, "audit.read", rows=len(answer["items"]), report="break_glass")
        return answer

    @serves(contract.list_audit_readers)
    def list_audit_readers(self, call: Call) -> Any:
        return call.read(emergency.list_audit_readers)


def _agency_of(call: Call, resource_id: str | None) -> str | None:
    """The agency of a resource, as the directory knows it: an account that reaches an agency reaches its programs.

    Call this outside of a transaction.
    """
    if resource_id is None:
        return None
    resource = call.ask(referrals.describe_resource, {"resource_id": resource_id})
    agency_id: str | None = resource["agency_id"]
    return agency_id
