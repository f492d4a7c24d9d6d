"""Groups of staff to whom requests go, and who is told of what nobody answers."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.pages.staff.portal_queue import WORKERS
from services.contracts.portals import staff_groups

_LIST = "/staff/staff-groups"

PAGES = (
    Page(
        _LIST,
        "staff/staff_groups/list.html",
        reads={"groups": Read(staff_groups.list_staff_groups), **WORKERS},
        actions=(Action("create_staff_group", staff_groups.create_staff_group, "The group is there."),),
    ),
    Page(
        f"{_LIST}/{{staff_group_id}}",
        "staff/staff_groups/group.html",
        reads={"group": Read(staff_groups.get_staff_group), **WORKERS},
        actions=(
            Action("change_staff_group", staff_groups.change_staff_group, "The group is saved."),
            Action(
                "remove_staff_group", staff_groups.remove_staff_group, "The group is taken away.", then=_LIST
            ),
        ),
    ),
)
