"""Work on many records or referrals at once: what it would do, its start, its progress, what failed and why."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.pages.staff.records import CHOSEN_QUEUE, WITH_QUEUE
from services.contracts.declare import Operation
from services.contracts.referrals import bulk

_LISTED = 50
_STARTED = "It has started. You can leave this page: it goes on."


def _start(name: str, operation: Operation) -> Action:
    return Action(name, operation, _STARTED, then="/staff/bulk-work/{id}", trial="dry_run")


PAGES = (
    Page(
        "/staff/bulk-work",
        "staff/bulk_work/list.html",
        reads={"jobs": Read(bulk.list_bulk_jobs, given={"limit": _LISTED}, query=("after",))},
    ),
    Page(
        "/staff/bulk-work/status-change",
        "staff/bulk_work/status_change.html",
        reads=CHOSEN_QUEUE,
        actions=(_start("start_bulk_status_change", bulk.start_bulk_status_change),),
        states=WITH_QUEUE,
    ),
    Page(
        "/staff/bulk-work/assignment",
        "staff/bulk_work/assignment.html",
        reads=CHOSEN_QUEUE,
        actions=(_start("start_bulk_assignment", bulk.start_bulk_assignment),),
        states=WITH_QUEUE,
    ),
    Page(
        "/staff/bulk-work/reassignment",
        "staff/bulk_work/reassignment.html",
        reads=CHOSEN_QUEUE,
        actions=(_start("start_bulk_reassignment", bulk.start_bulk_reassignment),),
        states=WITH_QUEUE,
    ),
    Page(
        "/staff/bulk-work/{bulk_job_id}",
        "staff/bulk_work/job.html",
        reads={
            "job": Read(bulk.get_bulk_job),
            "lines": Read(bulk.list_bulk_job_lines, given={"limit": _LISTED}, query=("state", "after")),
        },
        actions=(
            Action("cancel_bulk_job", bulk.cancel_bulk_job, "It is stopped. What was done stays as it is."),
        ),
    ),
)
