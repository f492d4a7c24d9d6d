"""Roles and security levels: what each may do, and whether it must have a second factor (S1-14)."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from gateway.web.states import State
from services.contracts.identity import realms, second_factor

_ROLE = {
    "role": Read(realms.get_role),
    "roles": Read(realms.list_roles, given={"realm": Of("role.realm")}),
}
_MAY_HOLD = {"permissions": {"staff": ["referral.read", "queue.read"], "family": ["profile.view_forms"]}}
_SAMPLE = {realms.list_roles: _MAY_HOLD}

PAGES = (
    Page("/staff/roles", "staff/roles/list.html", reads={"roles": Read(realms.list_roles)}, sample=_SAMPLE),
    Page(
        "/staff/roles/new",
        "staff/roles/new.html",
        reads={"roles": Read(realms.list_roles, given={"realm": "family"})},
        actions=(Action("create_role", realms.create_role, "The role is there.", then="/staff/roles/{id}"),),
        sample=_SAMPLE,
    ),
    Page(
        "/staff/roles/{role_id}",
        "staff/roles/role.html",
        reads=_ROLE,
        actions=(
            Action("edit_role", realms.edit_role, "The role is saved. It holds for everybody who has it."),
            Action(
                "set_role_second_factor",
                second_factor.set_role_second_factor,
                "It is saved, and holds from the next sign-in on.",
            ),
        ),
        states=(State("of a portal", replies={realms.get_role: {"realm": "family"}}),),
        sample=_SAMPLE,
    ),
)
