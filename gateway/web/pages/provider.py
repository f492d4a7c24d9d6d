"""The provider portal: referrals to the provider's programs, their capacity (S0-1 to S0-14, S0-28 to S0-46)."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from gateway.web.states import State
from services.contracts.portals import configuration
from services.contracts.referrals import assignments, capacity, queues, status_changes
from services.contracts.signing import documents

_LISTED = 25
# How the organisation wants the portal to look; a portal that nobody has configured has the product's look.
LOOK = {
    "portal": Read(
        configuration.get_portal, given={"portal": "provider"}, without=("service_unavailable", "timeout")
    )
}

PAGES = (
    Page(
        "/provider",
        "provider/start.html",
        reads={
            **LOOK,
            "unanswered": Read(
                assignments.list_referrals,
                given={"is_open": True, "limit": 10, "sort": "oldest"},
                needs="referral.read",
            ),
            "overdue": Read(
                assignments.list_referrals,
                given={"is_overdue": True, "limit": _LISTED, "sort": "due"},
                needs="referral.read",
            ),
            "capacities": Read(capacity.list_capacities, given={"limit": _LISTED}, needs="capacity.read"),
            "to_sign": Read(
                documents.list_documents,
                given={"is_mine": True, "is_decided": False, "limit": 5},
                needs="document.sign",
                without=("forbidden", "service_unavailable"),
            ),
        },
        actions=(Action("confirm", capacity.confirm_capacity, "The numbers are confirmed as they are."),),
    ),
    Page(
        "/provider/referrals",
        "provider/referrals.html",
        reads={
            **LOOK,
            "referrals": Read(
                assignments.list_referrals,
                given={"limit": _LISTED},
                query=("number", "queue_id", "status", "is_open", "is_overdue", "is_urgent", "sort", "after"),
                without=("not_found",),
            ),
            "queues": Read(queues.list_queues, needs="queue.read"),
        },
    ),
    Page(
        "/provider/referrals/{referral_id}",
        "provider/referral.html",
        reads={
            **LOOK,
            "referral": Read(assignments.get_referral),
            "queue": Read(
                queues.get_queue, given={"queue_id": Of("referral.progress.queue_id")}, needs="queue.read"
            ),
            "history": Read(assignments.list_referral_history),
        },
        actions=(
            Action("change_status", status_changes.change_status, "The status is changed."),
            Action("note", assignments.add_referral_note, "The note is added."),
        ),
        states=(
            State("not found", refused={assignments.get_referral: "not_found"}),
            State("forbidden", refused={assignments.get_referral: "forbidden"}),
            State("no answer", refused={assignments.get_referral: "service_unavailable"}),
            State("fault", refused={assignments.get_referral: "internal_error"}),
            State("conflict", errors="one", refused={status_changes.change_status: "version_conflict"}),
            State("perhaps done", errors="one", refused={status_changes.change_status: "timeout"}),
            State(
                "unsent",
                errors="one",
                refused={status_changes.change_status: "timeout", assignments.get_referral: "timeout"},
            ),
            State(
                "without details",
                replies={
                    assignments.get_referral: {"details": None, "withheld": ["contact_name", "postal_code"]}
                },
            ),
            State(
                "ended",
                replies={assignments.get_referral: {"progress": {"next_statuses": [], "is_terminal": True}}},
            ),
        ),
        sample={
            assignments.get_referral: {
                "withheld": [],
                "progress": {"next_statuses": ["attempting_contact", "completed"]},
                "details": {"withheld": [], "sections": {"Household": {"People": "4", "Pets": "one dog"}}},
            },
            queues.get_queue: {
                "statuses": [
                    {"key": "referred", "label": "Referred"},
                    {"key": "attempting_contact", "label": "Attempting Contact"},
                    {"key": "completed", "label": "Completed"},
                ],
                "settings": {
                    "decline_reasons": [{"code": "full", "label": "No place is free"}],
                    "outcomes": [{"code": "housed", "label": "Housed"}],
                },
            },
        },
    ),
    Page(
        "/provider/capacity",
        "provider/capacities.html",
        reads={
            **LOOK,
            "capacities": Read(capacity.list_capacities, given={"limit": _LISTED}, query=("after",)),
        },
        actions=(Action("confirm", capacity.confirm_capacity, "The numbers are confirmed as they are."),),
    ),
    Page(
        "/provider/capacity/{program_id}/{line_id}",
        "provider/capacity.html",
        reads={
            **LOOK,
            "lines": Read(capacity.list_capacities, given={"limit": 100}),
            "history": Read(capacity.list_capacity_history, given={"limit": _LISTED}, query=("after",)),
        },
        actions=(
            Action("set", capacity.edit_capacity_line, "The capacity is saved."),
            Action("schedule", capacity.schedule_capacity, "The change is scheduled."),
            Action("cancel", capacity.cancel_scheduled_capacity, "The scheduled change is cancelled."),
        ),
    ),
)
