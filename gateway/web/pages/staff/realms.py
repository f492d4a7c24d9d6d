"""Signing in to each portal: its settings, who may enter, its outside provider (S2-36)."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from gateway.web.states import State
from services.contracts.identity import employees, outside, realms

_REALM = "/staff/realms/{realm}"
_OUTSIDE = f"{_REALM}/outside"
_PROVIDER = Read(outside.get_identity_provider, without=("not_found",))

PAGES = (
    Page(
        "/staff/realms",
        "staff/realms/list.html",
        reads={
            "realms": Read(realms.list_realm_settings),
            "providers": Read(outside.list_identity_providers),
        },
    ),
    Page(
        _REALM,
        "staff/realms/realm.html",
        reads={
            "settings": Read(realms.get_realm_settings),
            # The other realms have no entry of their own.
            "entry": Read(employees.get_portal_entry, without=("invalid_request",)),
        },
        actions=(
            Action(
                "set_realm_settings", realms.set_realm_settings, "The settings are saved and hold at once."
            ),
        ),
    ),
    Page(
        f"{_REALM}/entry",
        "staff/realms/entry.html",
        reads={
            "entry": Read(employees.get_portal_entry),
            "roles": Read(realms.list_roles, given={"realm": Of("entry.realm")}),
        },
        actions=(Action("set_portal_entry", employees.set_portal_entry, "It is saved.", then=_REALM),),
    ),
    Page(
        _OUTSIDE,
        "staff/realms/outside.html",
        reads={"settings": Read(realms.get_realm_settings), "provider": _PROVIDER},
        actions=(
            Action(
                "change_identity_provider", outside.change_identity_provider, "The outside sign-in is saved."
            ),
            Action(
                "create_identity_provider",
                outside.create_identity_provider,
                "The outside sign-in is set up. Check it before people use it.",
            ),
            Action(
                "delete_identity_provider",
                outside.delete_identity_provider,
                "The outside sign-in is removed. Passwords work.",
            ),
        ),
    ),
    Page(
        f"{_OUTSIDE}/check",
        "staff/realms/check.html",
        reads={"settings": Read(realms.get_realm_settings), "check": Read(outside.check_identity_provider)},
        states=(State("good", replies={outside.check_identity_provider: {"is_ok": True, "faults": []}}),),
        sample={outside.check_identity_provider: {"is_ok": False, "faults": ["issuer_differs"]}},
    ),
)
