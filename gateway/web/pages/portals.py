"""The portals of employees and supervisors: the start page with its modules, resources, whom to ask (S2-10, S2-26, S2-27, S2-97)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.web import rendering
from gateway.web.page import Action, Page, Read
from services.contracts.errors import Refused
from services.contracts.identity import employees
from services.contracts.portals import (
    configuration,
    orders,
    published_items,
    start_page,
    supervision,
)

# The name is the one by which the frame of all pages finds the portal's name and colour.
_HOME = {"portal": Read(configuration.get_portal_home)}


def _goes_on(read: Mapping[str, Any], path: Mapping[str, str]) -> str | None:
    """The page of the one module of a single-function portal (S2-48). Raises Refused `consents_due`."""
    portal = read["portal"]
    if portal["consents_due"]:  # everything else comes after (S2-40)
        raise Refused("consents_due", "Sign what your portal asks for first.")
    if portal["goes_on_to"] is None:
        return None
    parts = rendering.template("portals/parts.html").make_module({"portal": portal})
    if portal["goes_on_to"] not in parts.pages:  # type: ignore[attr-defined]  # a name that the template sets
        return None
    return f"/portal/{path['portal']}/{parts.way(portal['modules'][0])}"  # type: ignore[attr-defined]


def _published(part: str, reads: Mapping[str, Read] | None = None, **given: str) -> Page:
    """A page of what is published of the person who is signed in."""
    reads = {
        **_HOME,
        **(reads or {}),
        "published": Read(
            published_items.list_my_items, given=given, query=("after",), without=("not_found",)
        ),
    }
    return Page(f"/portal/{{portal}}/{part}", f"portals/{part.replace('-', '_')}.html", reads=reads)


# What holds now is shown first, whatever else is newer.
_WORK_STATUS = {
    "current": Read(
        published_items.list_my_items, given={"kind": "work_status", "limit": 1}, without=("not_found",)
    ),
    "earlier": Read(published_items.list_my_earlier_work_status, without=("not_found",)),
}

PAGES = (
    Page("/portal", "portals/start.html", reads={"portals": Read(configuration.list_my_portals)}),
    Page(
        "/portal/{portal}",
        "portals/home.html",
        reads={"portal": Read(start_page.get_portal_start)},
        goes_on=_goes_on,
        sample={start_page.get_portal_start: {"consents_due": 0}},
        watches=("account:{me}",),  # a message to the caller
    ),
    _published("record", _WORK_STATUS, except_kind="work_status"),
    _published(
        "work-status",
        {"earlier": _WORK_STATUS["earlier"]},
        kind="work_status",
    ),
    Page(
        "/portal/{portal}/team",
        "portals/team.html",
        reads={
            **_HOME,
            "team": Read(employees.list_my_employees),
            "statuses": Read(supervision.list_team_work_status),
        },
    ),
    Page(
        "/portal/{portal}/team/{person_id}",
        "portals/employee.html",
        reads={
            **_HOME,
            "team": Read(employees.list_my_employees),
            "seen": Read(supervision.get_employee_items),
        },
    ),
    Page(
        "/portal/{portal}/orders",
        "portals/orders.html",
        reads={
            **_HOME,
            "team": Read(employees.list_my_employees),
            "offered": Read(orders.list_offered_orders),
        },
        actions=(
            Action("place_order", orders.place_order, "It is ordered.", then="/portal/{portal}/order-status"),
        ),
    ),
    Page(
        "/portal/{portal}/order-status",
        "portals/order_status.html",
        reads={
            **_HOME,
            "team": Read(employees.list_my_employees),
            "orders": Read(orders.list_my_orders, query=("state", "after")),
        },
    ),
    Page(
        "/portal/{portal}/surveillance",
        "portals/surveillance.html",
        reads={
            **_HOME,
            "team": Read(employees.list_my_employees),
            "standing": Read(supervision.list_team_surveillance),
        },
    ),
    Page(
        "/portal/{portal}/cases",
        "portals/cases.html",
        reads={
            **_HOME,
            "team": Read(employees.list_my_employees),
            "cases": Read(supervision.list_team_cases),
        },
    ),
    Page("/portal/{portal}/reports", "portals/reports.html", reads=_HOME),
    Page(
        "/portal/{portal}/reports/{report}",
        "portals/report.html",
        reads={
            **_HOME,
            "team": Read(employees.list_my_employees),
            "shown": Read(supervision.get_team_report),
        },
    ),
    Page("/portal/{portal}/resources", "portals/resources.html", reads=_HOME),
    Page("/portal/{portal}/support", "portals/support.html", reads=_HOME),
)
