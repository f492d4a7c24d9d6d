"""ReferralQs, their programs and settings, and what holds for all of them (S0-7, S0-12, S0-47, S0-54)."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.referrals import assignments, directory, queues, reports, workflow

_FOUND = 20
_QUEUE = "/staff/queues/{queue_id}"
_EDIT = Action("edit_queue", queues.edit_queue, "The ReferralQ is saved.", then=_QUEUE)


def _edited(part: str, template: str) -> Page:
    """A page with the form of one part of a ReferralQ."""
    reads = {"queue": Read(queues.get_queue)}
    return Page(f"{_QUEUE}/{part}", f"staff/queues/{template}.html", reads=reads, actions=(_EDIT,))


PAGES = (
    Page(
        "/staff/queues",
        "staff/queues/list.html",
        reads={"queues": Read(queues.list_queues, query=("include_inactive",))},
    ),
    Page(
        "/staff/queues/new",
        "staff/queues/new.html",
        reads={"queues": Read(queues.list_queues, given={"include_inactive": True})},
        actions=(
            Action(
                "create_queue",
                queues.create_queue,
                "The ReferralQ is there. Link the programs to it that take its referrals.",
                then="/staff/queues/{id}",
            ),
        ),
    ),
    Page(
        _QUEUE,
        "staff/queues/queue.html",
        reads={
            "queue": Read(queues.get_queue),
            "found": Read(
                directory.search_resources, given={"limit": _FOUND}, query=("q",), needs="directory.read"
            ),
        },
        actions=(
            Action("add_program_to_queue", queues.add_program_to_queue, "The program is linked."),
            Action(
                "reactivate_queue",
                queues.reactivate_queue,
                "The ReferralQ is active. It takes referrals again.",
            ),
        ),
    ),
    Page(
        f"{_QUEUE}/deactivate",
        "staff/queues/deactivate.html",
        reads={
            "queue": Read(queues.get_queue),
            "counted": Read(reports.get_dashboard, needs="referral.read"),
        },
        actions=(
            Action(
                "deactivate_queue",
                queues.deactivate_queue,
                "The ReferralQ is inactive. It takes no new referrals.",
                then=_QUEUE,
            ),
        ),
    ),
    Page(
        f"{_QUEUE}/programs/{{program_id}}",
        "staff/queues/unlink.html",
        reads={
            "queue": Read(queues.get_queue),
            "open": Read(
                assignments.list_referrals, given={"is_open": True, "limit": 5}, needs="referral.read"
            ),
        },
        actions=(
            Action(
                "remove_program_from_queue",
                queues.remove_program_from_queue,
                "The program is no longer linked.",
                then=_QUEUE,
            ),
        ),
    ),
    _edited("edit", "edit"),
    _edited("statuses", "statuses"),
    _edited("settings", "settings"),
    _edited("moves", "moves"),
    _edited("shown", "shown"),
    _edited("forms", "forms"),
    Page(
        "/staff/workflow-settings",
        "staff/queues/workflow.html",
        reads={"workflow": Read(workflow.get_workflow_settings)},
        actions=(Action("set_workflow_settings", workflow.set_workflow_settings, "The settings are saved."),),
    ),
    Page(
        "/staff/report-settings",
        "staff/queues/reports.html",
        reads={"settings": Read(reports.get_report_settings)},
        actions=(Action("set_report_settings", reports.set_report_settings, "The time zone is saved."),),
    ),
)
