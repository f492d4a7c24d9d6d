"""The dashboard, demand by program and the statistics (S0-50, S0-51, S0-53)."""

from __future__ import annotations

from gateway.web.page import Page, Read
from gateway.web.states import State
from services.contracts.referrals import queues, reports

_QUEUES = {"queues": Read(queues.list_queues, given={"include_inactive": True}, needs="queue.read")}

PAGES = (
    Page(
        "/staff/reports",
        "staff/reports/dashboard.html",
        reads={
            "dashboard": Read(reports.get_dashboard, query=("queue_id",)),
            **_QUEUES,
        },
        watches=("referral:*", "line:*"),
    ),
    Page(
        "/staff/reports/programs",
        "staff/reports/programs.html",
        reads={
            "programs": Read(
                reports.list_program_demand,
                given={"limit": 50},
                query=("queue_id", "agency_id", "after"),
            ),
            **_QUEUES,
        },
    ),
    Page(
        "/staff/reports/statistics",
        "staff/reports/statistics.html",
        reads={
            "statistics": Read(
                reports.get_statistics,
                query=(
                    "from_on",
                    "to_on",
                    "group_by",
                    "queue_id",
                    "agency_id",
                    "program_id",
                    "suppress_below",
                    "after",
                ),
                without=("invalid_request",),
                is_late=True,
            ),
            **_QUEUES,
        },
        states=(State("numbers to come", is_whole=False),),
    ),
)
