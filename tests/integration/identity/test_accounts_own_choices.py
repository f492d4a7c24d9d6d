"""What people choose of their own account: whether e-mails come, language and appearance of pages, shortcuts."""

from __future__ import annotations

import pytest

from services.contracts import identity as contract
from services.contracts.identity import (
    accounts,
    passports,
)
from tests.integration.identity.conftest import Identity


@pytest.mark.seed("S0-40")
def test_the_only_command_over_the_own_profile_is_the_notification_switch(identity: Identity) -> None:
    account = identity.a_provider(can_edit_capacity=True, can_change_status=True)
    caller = identity.caller(identity.log_in(account["login"])["token"])
    open_to_it = {
        operation.name
        for operation in contract.contract.operations.values()
        if operation.kind == "command"
        and (operation.access.kind == "signed_in" or operation.access.permission in caller.permissions)
    }
    over_its_way_in = {
        "log_out",
        "sign_out",
        "change_my_password",
        "prove_myself",
        "end_my_session",
        "end_my_other_sessions",
        "start_second_factor",
        "confirm_second_factor",
        "renew_recovery_codes",
        "remove_second_factor",
        "start_outside_link",
        "start_outside_proof",
        "unlink_my_outside_identity",
        "end_break_glass",  # of one's own; only staff ever have any
    }
    how_it_sees_pages = {"set_my_preferences", "set_my_shortcuts"}
    assert open_to_it - over_its_way_in - how_it_sees_pages == {"set_my_notifications"}
    assert set(accounts.set_my_preferences.request.fields) == {"language", "appearance"}
    assert set(accounts.set_my_notifications.request.fields) == {"resource_assigned_emails"}
    switches = {"can_edit_capacity": True, "can_change_status": True, "can_access_details": True}
    assert (
        identity.refused(accounts.set_provider_switches, caller, account_id=account["id"], **switches).code
        == "forbidden"
    )


@pytest.mark.seed("S0-39", "S0-42")
@pytest.mark.parametrize("level", ["provider_portal_user", "standard"])
def test_a_person_switches_the_own_emails_off_and_on(identity: Identity, level: str) -> None:
    account = identity.an_account(level)
    caller = identity.caller(identity.log_in(account["login"])["token"])
    assert account["wants_resource_assigned_emails"] is True
    for wanted in (False, True):
        identity.call(accounts.set_my_notifications, caller, resource_assigned_emails=wanted)
        me = identity.call(passports.describe_me, caller)
        assert me["wants_resource_assigned_emails"] is wanted
    # Said once more, it changes nothing, and nobody else's page is out of date.
    again = identity.call(accounts.set_my_notifications, caller, resource_assigned_emails=True)
    assert again["version"] == me["version"]
    assert len(identity.audit("account.notifications_changed")) == 2


def test_an_account_keeps_the_language_and_appearance_of_pages(identity: Identity) -> None:
    account, other = identity.an_account("standard"), identity.an_account("standard")
    caller = identity.caller(identity.log_in(account["login"])["token"])
    before = identity.call(passports.describe_me, caller)
    assert (before["language"], before["appearance"]) == (None, None)
    for language, appearance in (("es", "dark"), ("pt-BR", "system"), (None, None)):
        wanted = {"language": language, "appearance": appearance}
        assert identity.call(accounts.set_my_preferences, caller, **wanted) == wanted
        now = identity.call(passports.describe_me, caller)
        assert {name: now[name] for name in wanted} == wanted
        assert now["version"] == before["version"]
    for wrong in ({"language": "../es", "appearance": None}, {"language": None, "appearance": "blinking"}):
        assert identity.refused(accounts.set_my_preferences, caller, **wrong).code == "invalid_request"
    own = identity.call(passports.describe_me, identity.caller(identity.log_in(other["login"])["token"]))
    assert own["language"] is None


def test_an_account_keeps_whether_its_pages_have_shortcuts(identity: Identity) -> None:
    account, other = identity.an_account("standard"), identity.an_account("standard")
    caller = identity.caller(identity.log_in(account["login"])["token"])
    before = identity.call(passports.describe_me, caller)
    assert before["has_shortcuts"] is True
    for wanted in (False, True, False):
        assert identity.call(accounts.set_my_shortcuts, caller, has_shortcuts=wanted) == {
            "has_shortcuts": wanted
        }
        now = identity.call(passports.describe_me, caller)
        assert (now["has_shortcuts"], now["version"]) == (wanted, before["version"])
    own = identity.call(passports.describe_me, identity.caller(identity.log_in(other["login"])["token"]))
    assert own["has_shortcuts"] is True
    provider = identity.caller(identity.log_in(identity.a_provider()["login"])["token"])
    assert identity.call(passports.describe_me, provider)["has_shortcuts"] is None
