"""Entrypoints of employees: the HR feed, who gets in, own settings, pick-up codes, applicants."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import employees, hr_feed, people, pickup_codes
from services.identity.employees import applicants, entry, feed, own_settings, pickup


class EmployeeEntrypoints:
    """What `Service` offers about employees."""

    @serves(hr_feed.upload_hr_feed)
    def upload_hr_feed(self, call: Call) -> Any:
        return feed.upload(call)

    @serves(hr_feed.get_hr_import)
    def get_hr_import(self, call: Call) -> Any:
        return call.read(feed.get_hr_import)

    @serves(hr_feed.list_hr_import_lines)
    def list_hr_import_lines(self, call: Call) -> Any:
        answer = call.read(feed.list_lines)
        call.transact(lambda unit: unit.audit("hr_import.lines_read", "hr_import", call.request["import_id"]))
        return answer

    @serves(hr_feed.apply_hr_import)
    def apply_hr_import(self, call: Call) -> Any:
        answer = call.commit(feed.begin)
        loop = getattr(call.runtime, "hr_feed", None)
        if loop is not None:
            loop.wake()
        return answer

    @serves(employees.get_portal_entry)
    def get_portal_entry(self, call: Call) -> Any:
        return call.read(entry.get_portal_entry)

    @serves(employees.set_portal_entry)
    def set_portal_entry(self, call: Call) -> Any:
        return call.commit(entry.set_portal_entry)

    @serves(employees.list_employee_access)
    def list_employee_access(self, call: Call) -> Any:
        return call.read(entry.list_employee_access)

    @serves(employees.list_my_employees)
    def list_my_employees(self, call: Call) -> Any:
        return call.read(entry.list_my_employees)

    @serves(people.get_my_settings)
    def get_my_settings(self, call: Call) -> Any:
        return call.read(own_settings.get_mine)

    @serves(people.edit_my_settings)
    def edit_my_settings(self, call: Call) -> Any:
        return call.commit(own_settings.edit_mine)

    @serves(pickup_codes.create_pickup_code)
    def create_pickup_code(self, call: Call) -> Any:
        return call.commit(pickup.create)

    @serves(pickup_codes.send_pickup_code)
    def send_pickup_code(self, call: Call) -> Any:
        return call.commit(pickup.send)

    @serves(pickup_codes.mint_pickup_code)
    def mint_pickup_code(self, call: Call) -> Any:
        return call.transact(lambda unit: pickup.mint(unit, call.request))

    @serves(pickup_codes.list_pickup_codes)
    def list_pickup_codes(self, call: Call) -> Any:
        return call.read(pickup.list_codes)

    @serves(pickup_codes.redeem_pickup_code)
    def redeem_pickup_code(self, call: Call) -> Any:
        return pickup.redeem(call)

    @serves(employees.register_applicant)
    def register_applicant(self, call: Call) -> Any:
        return call.commit(applicants.register)

    @serves(employees.draft_applicant)
    def draft_applicant(self, call: Call) -> Any:
        return call.commit(applicants.register)
