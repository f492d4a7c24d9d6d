"""Capacity of all programs with its age, that of one with its lines, schedule and history, its settings (S0-8 to S0-10, S0-52)."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from services.contracts.referrals import capacity, directory, queues

_LISTED = 50
_PROGRAM = "/staff/capacity/{program_id}"
_CONFIRM = Action("confirm", capacity.confirm_capacity, "The numbers are confirmed as they are.")
_SET = Action("set", capacity.edit_capacity_line, "The capacity is saved.")
_SCHEDULE = Action("schedule", capacity.schedule_capacity, "The change is scheduled.")
_CANCEL = Action("cancel", capacity.cancel_scheduled_capacity, "The scheduled change is cancelled.")
_LINES = Read(capacity.list_capacities, given={"limit": 100})
_HISTORY = Read(capacity.list_capacity_history, given={"limit": 25}, query=("after",), without=("not_found",))

PAGES = (
    Page(
        "/staff/capacity",
        "staff/capacity/list.html",
        reads={
            "capacities": Read(
                capacity.list_capacities,
                given={"limit": _LISTED},
                query=("queue_id", "agency_id", "status", "stale", "after"),
            ),
            "queues": Read(queues.list_queues, needs="queue.read"),
        },
        actions=(_CONFIRM,),
        watches=("line:*",),
    ),
    Page(
        _PROGRAM,
        "staff/capacity/program.html",
        reads={
            # A program without capacity has no line that would tell its name.
            "program": Read(
                directory.get_resource, given={"resource_id": Of("path.program_id")}, needs="directory.read"
            ),
            "lines": _LINES,
            "history": _HISTORY,
        },
        actions=(
            _CONFIRM,
            Action("set_capacity", capacity.set_capacity, "The program has a capacity now."),
            Action("add_capacity_line", capacity.add_capacity_line, "The line is added."),
        ),
    ),
    Page(
        f"{_PROGRAM}/{{line_id}}",
        "staff/capacity/line.html",
        reads={"lines": _LINES, "history": _HISTORY},
        actions=(
            _CONFIRM,
            _SET,
            _SCHEDULE,
            _CANCEL,
            Action(
                "remove_capacity_line",
                capacity.remove_capacity_line,
                "The line is removed. Its history stays.",
                then=_PROGRAM,
            ),
        ),
    ),
    Page(
        f"{_PROGRAM}/{{line_id}}/scheduled/{{schedule_id}}",
        "staff/capacity/scheduled.html",
        reads={"lines": _LINES},
        actions=(
            Action(
                "edit_scheduled_capacity",
                capacity.edit_scheduled_capacity,
                "The scheduled change is saved.",
                then=f"{_PROGRAM}/{{line_id}}",
            ),
        ),
    ),
    Page(
        "/staff/capacity-settings",
        "staff/capacity/settings.html",
        reads={"settings": Read(capacity.get_capacity_settings)},
        actions=(
            Action(
                "set_capacity_settings", capacity.set_capacity_settings, "The settings of capacity are saved."
            ),
        ),
    ),
)
