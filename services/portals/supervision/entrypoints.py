"""Entrypoints of supervisors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        note_team(call, answer["items"], report="work_status")
        return answer

    @serves(supervision.list_team_surveillance)
    def list_team_surveillance(self, call: Call) -> Any:
        """Where those whom the caller supervises stand on their panels."""
        answer = call.read(queries.list_team_surveillance)
        note_team(call, answer["items"], report="surveillance")
        return answer

    @serves(supervision.list_team_cases)
    def list_team_cases(self, call: Call) -> Any:
        """The stages of the cases of those whom the caller supervises."""
        answer = call.read(queries.list_team_cases)
        note_team(call, answer["items"], report="cases")
        return answer

    @serves(supervision.get_team_report)
    def get_team_report(self, call: Call) -> Any:
        """A report about those whom the caller supervises."""
        answer = call.read(queries.get_team_report)
        note_team(call, answer["rows"], report=answer["report"])
        return answer


def note_team(call: Call, rows: Iterable[Mapping[str, Any]], report: str) -> None:
    """Note of each employee in these rows that the caller has read of them."""
    people = sorted({row["person_id"] for row in rows})
    call.note_readings(
        "team.read", "person", {each: {"person_id": each, "report": report} for each in people}
    )
