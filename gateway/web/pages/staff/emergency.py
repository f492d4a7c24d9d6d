"""Emergency access: opening it with a reason, ending it, its report and review."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.identity import audit

_END = Action("end_break_glass", audit.end_break_glass, "The emergency access has ended.")

PAGES = (
    Page(
        "/staff/emergency",
        "staff/emergency/list.html",
        reads={
            "accesses": Read(
                audit.list_break_glass, given={"limit": 25}, query=("is_reviewed", "account_id", "after")
            )
        },
        actions=(
            Action("review_break_glass", audit.review_break_glass, "Your finding is noted."),
            _END,
        ),
    ),
    Page(
        "/staff/emergency/new",
        "staff/emergency/new.html",
        actions=(
            Action(
                "break_glass",
                audit.break_glass,
                "The emergency access is open. Those who read the audit trail are told.",
                keeps_reply=True,
            ),
            _END,
        ),
        states=(
            State(
                "open",
                kept={
                    "break_glass": {
                        "id": "0123456789abcdef0123456789abcdef",
                        "object_type": "contact_record",
                        "object_id": "fedcba9876543210fedcba9876543210",
                        "permission": "record.read",
                        "ends_at": "2099-01-01T00:00:00+00:00",
                    }
                },
            ),
        ),
    ),
)
