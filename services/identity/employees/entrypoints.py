"""Entrypoints of employees."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import employees as contract
from services.identity.employees import applicants, entry


class EmployeesEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_portal_entry)
    def get_portal_entry(self, call: Call) -> Any:
        return call.read(entry.get_portal_entry)

    @serves(contract.set_portal_entry)
    def set_portal_entry(self, call: Call) -> Any:
        return call.commit(entry.set_portal_entry)

    @serves(contract.list_employee_access)
    def list_employee_access(self, call: Call) -> Any:
        return call.read(entry.list_employee_access)

    @serves(contract.get_employee_access)
    def get_employee_access(self, call: Call) -> Any:
        return call.read(entry.get_employee_access)

    @serves(contract.list_my_employees)
    def list_my_employees(self, call: Call) -> Any:
        return call.read(entry.list_my_employees)

    @serves(contract.register_applicant)
    def register_applicant(self, call: Call) -> Any:
        return call.commit(applicants.register)

    @serves(contract.draft_applicant)
    def draft_applicant(self, call: Call) -> Any:
        return call.commit(applicants.register)
