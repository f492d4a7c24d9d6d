"""Entrypoints of supervisors."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import supervision
from services.portals.supervision import queries


class SupervisionEntrypoints:
    """Entrypoints of supervisors."""

    @serves(supervision.get_employee_items)
    def get_employee_items(self, call: Call) -> Any:
        """What the caller sees of an employee whom they supervise."""
        answer = call.read(queries.get_employee_items)
        call.note_reading("items.read", "person", answer["person_id"], person_id=answer["person_id"])
        return answer

    @serves(supervision.list_team_work_status)
    def list_team_work_status(self, call: Call) -> Any:
        """The current work statuses of those whom the caller supervises."""
        answer = call.read(queries.list_team_work_status)
        call.note_reading(
            "team.read", "account", call.caller.id if call.caller else "", people=len(answer["items"])
        )
        return answer

    @serves(supervision.get_team_report)
    def get_team_report(self, call: Call) -> Any:
        """A report about those whom the caller supervises."""
        answer = call.read(queries.get_team_report)
        people = {row["person_id"] for row in answer["rows"]}
        caller_id = call.caller.id if call.caller else ""
        call.note_reading("team.read", "account", caller_id, people=len(people), report=answer["report"])
        return answer
