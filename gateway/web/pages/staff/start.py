"""The start page of staff: what waits for them."""

from __future__ import annotations

from gateway.web.page import Page, Read
from gateway.web.pages.staff.portal_queue import IN_SHORT
from services.contracts.notifications import deliveries
from services.contracts.referrals import assignments, bulk, directory_imports, reports
from services.contracts.signing import documents

_SHOWN = 10

PAGES = (
    Page(
        "/staff",
        "staff/start.html",
        reads={
            "overdue": Read(
                assignments.list_referrals,
                given={"is_overdue": True, "is_open": True, "limit": _SHOWN, "sort": "due"},
                needs="referral.read",
                without=("service_unavailable",),
            ),
            **IN_SHORT,
            "dashboard": Read(reports.get_dashboard, needs="referral.read", without=("service_unavailable",)),
            "jobs": Read(
                bulk.list_bulk_jobs,
                given={"limit": _SHOWN},
                needs="referral.read",
                without=("service_unavailable",),
            ),
            "imports": Read(
                directory_imports.list_directory_imports,
                needs="directory.import",
                without=("service_unavailable",),
            ),
            "unsigned": Read(
                documents.list_documents,
                given={"report": "unsigned", "limit": _SHOWN},
                needs="document.send",
                without=("forbidden", "service_unavailable"),
            ),
            "failed_mails": Read(
                deliveries.list_deliveries,
                given={"state": "permanent_failure", "limit": _SHOWN},
                needs="delivery.read",
                without=("service_unavailable",),
            ),
        },
        watches=("referral:*", "item:*", "bulk_job:*", "import:*", "document:*"),
    ),
)
