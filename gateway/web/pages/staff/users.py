"""Users: staff and providers, their levels, resources, switches and ways to sign in (S0-15 to S0-27, S0-43)."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.identity import accounts, audit, outside, second_factor, sessions
from services.contracts.notifications import deliveries
from services.contracts.referrals import directory

_LISTED = 25
_FOUND = 20
_USER = "/staff/users/{account_id}"
_ONE = {"user": Read(accounts.get_account)}
_NO_PROVIDER = State("no provider", replies={accounts.get_account: {"resources": []}})


def _of_level(level: str) -> Read:
    return Read(
        directory.search_resources,
        given={"level": level, "limit": _FOUND},
        query=("q",),
        needs="directory.read",
    )


PAGES = (
    Page(
        "/staff/users",
        "staff/users/list.html",
        reads={
            "users": Read(
                accounts.list_accounts,
                given={"limit": _LISTED, "realm": "staff"},
                query=("realm", "security_level", "state", "after"),
            ),
            "found": Read(accounts.search_accounts, query=("security_level", "state"), sealed=("text",)),
        },
    ),
    Page(
        "/staff/users/new",
        "staff/users/new.html",
        actions=(
            Action(
                "create_account",
                accounts.create_account,
                "The user is created. Choose the security level, then send the invitation.",
                then="/staff/users/{id}",
            ),
        ),
    ),
    Page(
        _USER,
        "staff/users/user.html",
        reads={
            **_ONE,
            "sessions": Read(sessions.list_account_sessions),
            "identities": Read(outside.list_account_outside_identities),
            "deliveries": Read(
                deliveries.list_deliveries,
                given={"limit": 5},
                needs="delivery.read",
                without=("service_unavailable",),
            ),
        },
        actions=(
            Action("invite_account", accounts.invite_account, "The invitation is on its way."),
            Action("disable_account", accounts.disable_account, "The user is disabled."),
            Action("enable_account", accounts.enable_account, "The user is enabled again."),
            Action(
                "end_account_sessions", sessions.end_account_sessions, "The user is signed out everywhere."
            ),
            Action(
                "reset_second_factor",
                second_factor.reset_second_factor,
                "The second factor is reset. The user sets up a new one at the next sign-in if one is demanded.",
            ),
            Action(
                "unlink_account_outside_identity",
                outside.unlink_account_outside_identity,
                "The outside sign-in is no longer linked.",
            ),
        ),
        states=(
            State("disabled", replies={accounts.get_account: {"state": "disabled", "actions": ["enable"]}}),
            State(
                "active",
                replies={
                    accounts.get_account: {
                        "state": "active",
                        "actions": ["edit", "set_level", "disable", "end_sessions", "reset_second_factor"],
                    }
                },
            ),
        ),
    ),
    Page(
        f"{_USER}/edit",
        "staff/users/edit.html",
        reads=_ONE,
        actions=(Action("edit_account", accounts.edit_account, "The user is saved.", then=_USER),),
    ),
    Page(
        f"{_USER}/level",
        "staff/users/level.html",
        reads=_ONE,
        actions=(
            Action(
                "set_security_level", accounts.set_security_level, "The security level is saved.", then=_USER
            ),
        ),
    ),
    Page(
        f"{_USER}/provider",
        "staff/users/provider.html",
        reads={**_ONE, "agencies": _of_level("agency"), "programs": _of_level("program")},
        actions=(
            Action("assign_resource", accounts.assign_resource, "The resource is on the list."),
            Action(
                "remove_resource",
                accounts.remove_resource,
                "The resource is deleted from the list. Access to it has ended.",
            ),
            Action(
                "set_provider_switches",
                accounts.set_provider_switches,
                "It is saved and holds from the user's next step on.",
            ),
        ),
        states=(_NO_PROVIDER, State("found", query={"q": "Saltmarsh"})),
    ),
    Page(
        f"{_USER}/outside",
        "staff/users/outside.html",
        reads=_ONE,
        actions=(
            Action(
                "link_account_outside_identity",
                outside.link_account_outside_identity,
                "The outside sign-in is linked.",
                then=_USER,
            ),
        ),
    ),
    Page(
        f"{_USER}/access",
        "staff/users/access.html",
        reads={
            **_ONE,
            "explained": Read(
                audit.explain_access, query=("permission", "resource_id"), without=("resource_not_found",)
            ),
        },
        states=(State("explained", query={"permission": "referral.read"}),),
    ),
)
