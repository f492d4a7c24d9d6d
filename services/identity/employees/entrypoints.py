"""Entrypoints of employees: the HR feed, who gets in, own settings, pick-up codes, applicants."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts import identity_employees as contract
from services.identity.employees import applicants, entry, feed, own_settings, pickup


class EmployeeEntrypoints:
    """What `Service` offers about employees."""

    @serves(contract.upload_hr_feed)
    def upload_hr_feed(self, call: Call) -> Any:
        return feed.upload(call)

    @serves(contract.get_hr_import)
    def get_hr_import(self, call: Call) -> Any:
        return call.read(feed.get_hr_import)

    @serves(contract.list_hr_import_lines)
    def list_hr_import_lines(self, call: Call) -> Any:
        answer = call.read(feed.list_lines)
        call.transact(lambda unit: unit.audit("hr_import.lines_read", "hr_import", call.request["import_id"]))
        return answer

    @serves(contract.apply_hr_import)
    def apply_hr_import(self, call: Call) -> Any:
        answer = call.commit(feed.begin)
        call.runtime.loops.wake(feed.LOOP)
        return answer

    @serves(contract.get_portal_entry)
    def get_portal_entry(self, call: Call) -> Any:
        return call.read(entry.get_portal_entry)

    @serves(contract.set_portal_entry)
    def set_portal_entry(self, call: Call) -> Any:
        return call.commit(entry.set_portal_entry)

    @serves(contract.list_employee_access)
    def list_employee_access(self, call: Call) -> Any:
        return call.read(entry.list_employee_access)

    @serves(contract.list_my_employees)
    def list_my_employees(self, call: Call) -> Any:
        return call.read(entry.list_my_employees)

    @serves(contract.get_my_settings)
    def get_my_settings(self, call: Call) -> Any:
        return call.read(own_settings.get_mine)

    @serves(contract.edit_my_settings)
    def edit_my_settings(self, call: Call) -> Any:
        return call.commit(own_settings.edit_mine)

    @serves(contract.create_pickup_code)
    def create_pickup_code(self, call: Call) -> Any:
        return call.commit(pickup.create)

    @serves(contract.send_pickup_code)
    def send_pickup_code(self, call: Call) -> Any:
        return call.commit(pickup.send)

    @serves(contract.mint_pickup_code)
    def mint_pickup_code(self, call: Call) -> Any:
        return call.transact(lambda unit: pickup.mint(unit, call.request))

    @serves(contract.list_pickup_codes)
    def list_pickup_codes(self, call: Call) -> Any:
        return call.read(pickup.list_codes)

    @serves(contract.redeem_pickup_code)
    def redeem_pickup_code(self, call: Call) -> Any:
        return pickup.redeem(call)

    @serves(contract.register_applicant)
    def register_applicant(self, call: Call) -> Any:
        return call.commit(applicants.register)

    @serves(contract.draft_applicant)
    def draft_applicant(self, call: Call) -> Any:
        return call.commit(applicants.register)
