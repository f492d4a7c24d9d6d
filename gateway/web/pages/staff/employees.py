"""Employees: who may use their portal and why not, files of the HR feed, and pick-up codes."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from gateway.web.states import State
from services.contracts.identity import employees, hr_feed, people, pickup_codes, relationships

_LISTED = 25
_CODE_ID = "c0de" * 8
_FRESH = {"id": _CODE_ID, "code": "AAAA-BBBB-CCCC-DDDD", "expires_at": "2026-12-20T09:30:00+00:00"}

PAGES = (
    Page(
        "/staff/employees",
        "staff/employees/list.html",
        reads={
            "employees": Read(
                employees.list_employee_access,
                given={"limit": _LISTED},
                query=("may_enter", "missing", "is_supervisor", "after"),
            )
        },
        actions=(
            Action(
                "send_pickup_codes",
                pickup_codes.send_pickup_codes,
                "Codes are sent to those who can get one.",
                keeps_reply=True,
            ),
        ),
    ),
    Page(
        "/staff/employees/{person_id}",
        "staff/employees/employee.html",
        reads={
            "person": Read(people.get_person),
            "employee": Read(employees.get_employee_access),
            "relationships": Read(relationships.list_relationships),
            "supervised": Read(
                relationships.list_relationships,
                given={"account_id": Of("employee.account_id"), "person_id": None},
            ),
            "codes": Read(
                pickup_codes.list_pickup_codes,
                given={"limit": _LISTED},
                query=("after",),
                needs="account.read",
            ),
        },
        actions=(
            Action(
                "create_pickup_code",
                pickup_codes.create_pickup_code,
                "The code is made.",
                keeps_reply=True,
            ),
            Action(
                "let_stand_in",
                relationships.let_stand_in,
                "Whoever stands in sees the team until then.",
            ),
            Action("send_pickup_code", pickup_codes.send_pickup_code, "The code is on its way by e-mail."),
        ),
        states=(
            State(
                "code shown once",
                kept={"create_pickup_code": _FRESH},
                replies={pickup_codes.list_pickup_codes: {"items": {"id": _CODE_ID}}},
            ),
        ),
    ),
    Page(
        "/staff/hr-imports",
        "staff/employees/hr_imports.html",
        reads={"imports": Read(hr_feed.list_hr_imports, given={"limit": _LISTED}, query=("after",))},
        actions=(
            Action(
                "upload_hr_feed",
                hr_feed.upload_hr_feed,
                "The file is compared. Nothing has changed yet.",
                then="/staff/hr-imports/{id}",
            ),
        ),
    ),
    Page(
        "/staff/hr-imports/{import_id}",
        "staff/employees/hr_import.html",
        reads={
            "feed": Read(hr_feed.get_hr_import),
            "lines": Read(hr_feed.list_hr_import_lines, given={"limit": _LISTED}, query=("action", "after")),
        },
        actions=(Action("apply_hr_import", hr_feed.apply_hr_import, "The file is being applied."),),
        states=(State("applying", replies={hr_feed.get_hr_import: {"state": "applying"}}),),
    ),
    Page(
        "/staff/pickup-codes",
        "staff/employees/pickup_codes.html",
        reads={
            "codes": Read(pickup_codes.list_pickup_codes, given={"limit": _LISTED}, query=("state", "after"))
        },
    ),
)
