"""Provider accounts: level, resources, switches, notifications."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from services.chassis import wire
from services.chassis.unit_of_work import utc_now
from services.contracts import identity as contract
from services.contracts.errors import Refused
from services.contracts.identity import (
    accounts,
    api_clients,
    audit,
    credentials,
    login,
    organisations,
    passports,
    relationships,
)
from services.contracts.referrals import directory as referrals
from services.identity.accounts import workforce
from services.identity.models import Account, ResourceAssignment
from services.identity.realms.rules import DEFAULT_ROLES, PROVIDER_LEVEL, effective_permissions
from tests.integration.identity.conftest import Identity
from tests.integration.referrals.builders import PROVIDER_MAY
from tests.support.in_process import a_service


def set_level(identity: Identity, account_id: str, level: str) -> dict[str, object]:
    admin = identity.admin()
    version = identity.call(accounts.get_account, admin, account_id=account_id)["version"]
    return dict(
        identity.call(
            accounts.set_security_level, admin, version=version, account_id=account_id, security_level=level
        )
    )


def access_events(identity: Identity) -> list[tuple[str, str]]:
    wanted = {relationships.access_granted.type: "granted", relationships.access_revoked.type: "revoked"}
    return [
        (wanted[entry["type"]], entry["data"]["resource_id"])
        for entry in identity.events()
        if entry["type"] in wanted
    ]


@pytest.mark.seed("S0-15")
@pytest.mark.seed("S0-18")
def test_a_provider_is_created_like_everybody_and_then_given_the_level(identity: Identity) -> None:
    account = identity.call(
        accounts.create_account,
        identity.admin(),
        email="pat@example.org",
        first_name="Pat",
        last_name="Quill",
    )
    assert (account["security_level"], account["realm"]) == ("standard", "staff")
    opened = identity.call(accounts.get_account, identity.admin(), account_id=account["id"])
    assert (opened["first_name"], opened["security_level"]) == ("Pat", "standard")
    set_level(identity, account["id"], "provider_portal_user")
    saved = identity.call(accounts.get_account, identity.admin(), account_id=account["id"])
    assert (saved["security_level"], saved["realm"]) == ("provider_portal_user", "provider")
    assert saved["version"] == opened["version"] + 1
    stale = identity.refused(
        accounts.set_security_level,
        identity.admin(),
        version=opened["version"],
        account_id=account["id"],
        security_level="standard",
    )
    assert stale.code == "version_conflict"


@pytest.mark.seed("S0-19")
def test_provider_settings_are_refused_until_the_level_is_saved(identity: Identity, resource_id: str) -> None:
    account = identity.an_account()
    assert "resources" not in account
    assert "switches" not in account
    admin = identity.admin()
    refusal = identity.refused(
        accounts.assign_resource, admin, account_id=account["id"], resource_id=resource_id
    )
    assert refusal.code == "not_a_provider_account"
    assert not identity.asked
    switches = {"can_edit_capacity": True, "can_change_status": True, "can_access_details": True}
    refusal = identity.refused(accounts.set_provider_switches, admin, account_id=account["id"], **switches)
    assert refusal.code == "not_a_provider_account"
    account = set_level(identity, account["id"], "provider_portal_user")
    assert account["resources"] == []
    assert account["switches"] == dict.fromkeys(switches, False)


@pytest.mark.seed("S0-19")
def test_leaving_the_level_suspends_assignments_and_coming_back_restores_them(
    identity: Identity, resource_id: str
) -> None:
    account = identity.a_provider(resource_id)
    assert "resources" not in set_level(identity, account["id"], "standard")
    scope = identity.caller(identity.log_in(account["login"])["token"]).scope
    assert scope == {}
    restored = set_level(identity, account["id"], "provider_portal_user")
    assert restored["resources"] == account["resources"]
    assert access_events(identity) == [
        ("granted", resource_id),
        ("revoked", resource_id),
        ("granted", resource_id),
    ]


@pytest.mark.seed("S0-16")
@pytest.mark.seed("S0-21")
@pytest.mark.seed("S0-36")
def test_several_agencies_and_programs_are_added_each_once(identity: Identity) -> None:
    levels = {wire.new_id(): "agency", wire.new_id(): "program"}
    identity.answers["referrals.describe_resource"] = lambda request: {
        "id": request["resource_id"],
        "name": "Harbor House",
        "level": levels[request["resource_id"]],
    }
    account = identity.a_provider(*levels, *levels)
    assert [(row["resource_id"], row["resource_level"]) for row in account["resources"]] == list(
        levels.items()
    )
    assert len(access_events(identity)) == 2
    scope = identity.caller(identity.log_in(account["login"])["token"]).scope
    assert sorted(scope["resources"], key=str) == sorted(
        ({"id": key, "level": level} for key, level in levels.items()), key=str
    )


def test_a_resource_added_by_two_people_at_once_is_there_once(either: Identity, resource_id: str) -> None:
    account, admin, failures = either.a_provider(), either.admin(), []
    at_once = threading.Barrier(8)

    def add() -> None:
        at_once.wait()
        try:
            either.call(accounts.assign_resource, admin, account_id=account["id"], resource_id=resource_id)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert access_events(either) == [("granted", resource_id)]


def test_sites_and_unknown_resources_are_refused(identity: Identity, resource_id: str) -> None:
    def unknown(_: object) -> None:
        raise Refused("resource_not_found", "There is no such resource.", field="resource_id")

    account, admin = identity.a_provider(), identity.admin()
    answers: list[Callable[..., object]] = [
        unknown,
        lambda _: {"id": resource_id, "name": "Annex", "level": "site"},
    ]
    for answer in answers:
        identity.answers[referrals.describe_resource.address] = answer
        refusal = identity.refused(
            accounts.assign_resource, admin, account_id=account["id"], resource_id=resource_id
        )
        assert refusal.code == "resource_not_found"


@pytest.mark.seed("S0-19")
def test_a_level_that_changes_while_the_directory_is_asked_is_noticed(
    identity: Identity, resource_id: str
) -> None:
    account = identity.a_provider()

    def slow_answer(_: object) -> dict[str, str]:
        set_level(identity, account["id"], "standard")
        return {"id": resource_id, "name": "Harbor House", "level": "program"}

    identity.answers[referrals.describe_resource.address] = slow_answer
    refusal = identity.refused(
        accounts.assign_resource, identity.admin(), account_id=account["id"], resource_id=resource_id
    )
    assert refusal.code == "not_a_provider_account"


@pytest.mark.seed("S0-27")
@pytest.mark.seed("S0-26")
def test_access_ends_with_the_next_passport_after_an_assignment_is_deleted(
    either: Identity, resource_id: str
) -> None:
    account = either.a_provider(resource_id)
    token = either.log_in(account["login"])["token"]
    assert either.caller(token).scope["resources"] == [{"id": resource_id, "level": "program"}]
    assignment_id = account["resources"][0]["id"]
    account = either.call(
        accounts.remove_resource, either.admin(), account_id=account["id"], assignment_id=assignment_id
    )
    assert account["resources"] == []
    assert either.caller(token).scope["resources"] == []
    assert access_events(either)[-1] == ("revoked", resource_id)
    assert [row.facts["resource_id"] for row in either.audit("resource.removed")] == [resource_id]
    refusal = either.refused(
        accounts.remove_resource, either.admin(), account_id=account["id"], assignment_id=assignment_id
    )
    assert refusal.code == "not_found"


@pytest.mark.seed("S0-27", "C6")
def test_a_deleted_assignment_is_really_gone_and_its_history_stays_in_the_trail(
    identity: Identity, resource_id: str
) -> None:
    """Conflict C6, of assignments: deleting deletes. That of a ReferralQ only hides it; referrals proves that."""
    account = identity.a_provider(resource_id)
    admin = identity.admin()
    identity.call(
        accounts.remove_resource,
        admin,
        account_id=account["id"],
        assignment_id=account["resources"][0]["id"],
    )
    with identity.database.reading(None) as session:
        assert session.query(ResourceAssignment).all() == []
    trail = identity.call(audit.trail.search, admin, action="resource.", object_id=account["id"])["items"]
    told = [(entry["action"], entry["facts"]["resource_id"], entry["actor_id"]) for entry in trail]
    assert told == [
        ("resource.removed", resource_id, admin.id),
        ("resource.assigned", resource_id, told[1][2]),
    ]
    again = identity.call(accounts.assign_resource, admin, account_id=account["id"], resource_id=resource_id)
    assert again["resources"][0]["id"] != account["resources"][0]["id"]


@pytest.mark.seed("S0-26")
@pytest.mark.parametrize(
    ("switch", "permission"),
    [
        pytest.param("can_edit_capacity", "capacity.edit", marks=pytest.mark.seed("S0-22")),
        pytest.param("can_change_status", "referral.change_status", marks=pytest.mark.seed("S0-23")),
    ],
)
def test_a_switch_takes_effect_with_the_next_passport(
    identity: Identity, switch: str, permission: str
) -> None:
    account = identity.a_provider()
    token = identity.log_in(account["login"])["token"]
    switches = {"can_edit_capacity": False, "can_change_status": False, "can_access_details": False}
    for is_on in (False, True, False):
        identity.call(
            accounts.set_provider_switches,
            identity.admin(),
            account_id=account["id"],
            **switches | {switch: is_on},
        )
        assert identity.caller(token).may(permission) is is_on


@pytest.mark.seed("S0-24")
@pytest.mark.seed("S0-25")
def test_the_passport_says_whether_full_details_may_be_shown(identity: Identity) -> None:
    limited, full = identity.a_provider(), identity.a_provider(can_access_details=True)
    for account, details in ((limited, False), (full, True)):
        assert identity.caller(identity.log_in(account["login"])["token"]).scope["details"] is details


@pytest.mark.seed("S0-17")
def test_a_provider_logs_in_as_all_do_and_holds_only_what_the_portal_needs(identity: Identity) -> None:
    account = identity.a_provider(can_edit_capacity=True, can_change_status=True, can_access_details=True)
    staff = identity.an_account()
    for each in (account, staff):
        wrong = {"organisation": "harbor", "login": each["login"], "password": "no such phrase at all"}
        assert identity.refused(login.log_in, **wrong).code == "credentials_refused"
    caller = identity.caller(identity.log_in(account["login"])["token"])
    expected = {
        "queue.read",
        "referral.read",
        "capacity.read",
        "document.read",
        "document.sign",
        "referral.change_status",
        "referral.note",
        "capacity.edit",
    }
    assert caller.permissions == expected
    # Whatever is not made available is refused, before anything of the request is read.
    denied = [
        operation
        for operation in contract.contract.operations.values()
        if operation.access.permission and operation.access.permission not in expected
    ]
    assert len(denied) > 50
    for operation in denied:
        assert (operation.name, identity.refused(operation, caller).code) == (operation.name, "forbidden")
    bare = identity.caller(identity.log_in(identity.a_provider()["login"])["token"])
    assert bare.permissions == expected - {"capacity.edit", "referral.change_status"}


def test_tests_of_other_services_give_a_provider_no_more_than_a_real_one_holds() -> None:
    _, role = DEFAULT_ROLES[PROVIDER_LEVEL]
    switched = ("capacity.edit", "referral.change_status")
    features = ("provider_portal", "referralq")
    assert set(PROVIDER_MAY) <= set(effective_permissions("provider", role, switched, features))


def set_features(identity: Identity, *features: str) -> None:
    admin = identity.admin()
    version = identity.call(organisations.get_organisation, admin)["version"]
    identity.call(organisations.set_features, admin, version=version, features=list(features))


def test_what_an_account_may_do_is_what_its_next_passport_says(identity: Identity) -> None:
    provider, staff = identity.a_provider(can_edit_capacity=True), identity.an_account("supervisor")
    signing = a_service("signing", (identity.harbor.organisation_id, "harbor"))

    def can_sign(account: dict[str, Any]) -> bool:
        return bool(identity.call(accounts.describe_account, signing, account_id=account["id"])["can_sign"])

    def may(account: dict[str, Any], permission: str) -> bool:
        with identity.database.reading(identity.harbor.organisation_id) as session:
            return workforce.may(session, signing, account["id"], permission)

    assert (can_sign(provider), can_sign(staff)) == (True, False)
    assert may(provider, "capacity.edit")
    assert not may(provider, "referral.change_status")
    assert (may(staff, "queue.manage"), may(staff, "person.read")) == (True, True)
    set_features(identity)
    # Without the feature nobody has a permission over ReferralQs, whatever the role holds.
    assert (may(staff, "queue.manage"), may(staff, "person.read")) == (False, True)
    assert (can_sign(provider), may(provider, "capacity.edit")) == (False, False)


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


@pytest.mark.seed("S0-39")
def test_recipients_are_active_providers_of_the_resource_who_want_the_email(
    identity: Identity, resource_id: str
) -> None:
    wants, declines, elsewhere = (
        identity.a_provider(resource_id),
        identity.a_provider(resource_id),
        identity.a_provider(wire.new_id()),
    )
    left, disabled = identity.a_provider(resource_id), identity.a_provider(resource_id)
    decliner = identity.caller(identity.log_in(declines["login"])["token"])
    identity.call(accounts.set_my_notifications, decliner, resource_assigned_emails=False)
    set_level(identity, left["id"], "standard")
    identity.call(
        accounts.disable_account, identity.admin(), version=disabled["version"], account_id=disabled["id"]
    )
    caller = a_service("notifications", (identity.harbor.organisation_id, "harbor"))
    answer = identity.call(
        accounts.list_resource_recipients, caller, resource_ids=[resource_id, wire.new_id()]
    )
    assert answer == {
        "organisation_name": "Harbor County",
        "recipients": [{"account_id": wants["id"], "email_is_verified": True}],
    }
    assert elsewhere["id"] not in repr(answer)


def test_who_has_not_accepted_yet_is_a_recipient_without_a_verified_address(
    identity: Identity, resource_id: str
) -> None:
    admin = identity.admin()
    invited = identity.an_account(PROVIDER_LEVEL, password=None)
    identity.call(accounts.assign_resource, admin, account_id=invited["id"], resource_id=resource_id)

    def recipients() -> Any:
        caller = a_service("notifications", (identity.harbor.organisation_id, "harbor"))
        return identity.call(accounts.list_resource_recipients, caller, resource_ids=[resource_id])[
            "recipients"
        ]

    unverified = [{"account_id": invited["id"], "email_is_verified": False}]
    assert recipients() == unverified
    # The operator's word for the address is not enough, as nobody reads the portal yet.
    with identity.database.engine.begin() as connection:
        connection.execute(
            update(Account).where(Account.id == invited["id"]).values(email_verified_at=utc_now())
        )
    assert recipients() == unverified
    version = identity.call(accounts.get_account, admin, account_id=invited["id"])["version"]
    identity.call(accounts.disable_account, admin, account_id=invited["id"], version=version)
    assert recipients() == []


def test_recipients_about_capacity_are_those_who_may_edit_it(identity: Identity, resource_id: str) -> None:
    editor = identity.a_provider(resource_id, can_edit_capacity=True)
    identity.a_provider(resource_id)
    caller = a_service("notifications", (identity.harbor.organisation_id, "harbor"))
    editing = identity.caller(identity.log_in(editor["login"])["token"])
    identity.call(accounts.set_my_notifications, editing, resource_assigned_emails=False)
    answer = identity.call(
        accounts.list_resource_recipients, caller, resource_ids=[resource_id], about="capacity"
    )
    assert [each["account_id"] for each in answer["recipients"]] == [editor["id"]]


def test_switching_referralq_off_stops_staff_and_systems_too(identity: Identity) -> None:
    admin, token = identity.admin(), identity.log_in()["token"]
    staff = identity.an_account("supervisor")
    client = identity.call(
        api_clients.create_api_client, admin, name="Beds", scopes=["capacity.read", "directory.read"]
    )
    service = a_service("referrals", (identity.harbor.organisation_id, "harbor"))

    def of_referralq(permissions: Any) -> set[str]:
        return {each for each in permissions if each.startswith(("queue.", "capacity.", "referral."))}

    def may(account_id: str, permission: str) -> bool:
        asked = {"account_id": account_id, "permission": permission}
        return bool(identity.call(passports.check_permission, service, **asked)["is_allowed"])

    def steps(permission: str) -> list[tuple[str, bool]]:
        asked = {"account_id": staff["id"], "permission": permission}
        answer = identity.call(audit.explain_access, admin, **asked)
        assert answer["is_allowed"] == may(staff["id"], permission)
        return [(step["name"], step["holds"]) for step in answer["steps"]]

    def switch(*features: str) -> None:
        version = identity.call(organisations.get_organisation, admin)["version"]
        identity.call(organisations.set_features, admin, version=version, features=list(features))

    assert of_referralq(identity.caller(token, "referrals").permissions)
    assert ("feature", True) in steps("referral.assign")
    switch("electronic_signature")
    left = identity.caller(token, "referrals").permissions
    assert of_referralq(left) == set()
    assert {"directory.read", "record.create", "account.manage"} <= left
    assert of_referralq(identity.call(passports.describe_me, identity.caller(token))["permissions"]) == set()
    assert not may(staff["id"], "referral.assign")
    assert may(staff["id"], "record.create")
    assert (may(client["id"], "capacity.read"), may(client["id"], "directory.read")) == (False, True)
    assert ("feature", False) in steps("referral.assign")
    assert "feature" not in dict(steps("record.create"))
    identity.answers["referrals.describe_resource"] = lambda request: {
        "id": request["resource_id"], "name": "Harbor House", "level": "program", "agency_id": None,
    }  # fmt: skip
    assert identity.call(audit.list_who_can_see, admin, resource_id=wire.new_id())["items"] == []
    # Rights are still given: what is held comes back with the feature.
    set_level(identity, identity.an_account()["id"], "supervisor")
    switch("referralq")
    assert may(staff["id"], "referral.assign")
    assert may(client["id"], "capacity.read")


def test_a_systems_token_gives_nothing_of_the_referralq_while_it_is_off(identity: Identity) -> None:
    admin = identity.admin()
    client = identity.call(
        api_clients.create_api_client, admin, name="Beds", scopes=["capacity.read", "directory.read"]
    )
    given = identity.call(
        api_clients.open_api_session, client_id=client["id"], client_secret=client["secret"]
    )
    version = identity.call(organisations.get_organisation, admin)["version"]
    identity.call(organisations.set_features, admin, version=version, features=[])
    assert identity.caller(given["token"], "referrals").permissions == {"directory.read"}


@pytest.mark.seed("S0-5")
def test_switching_referralq_off_closes_the_portal_at_once(identity: Identity, resource_id: str) -> None:
    account = identity.a_provider(resource_id, can_change_status=True)
    token = identity.log_in(account["login"])["token"]
    admin = identity.admin()
    version = identity.call(organisations.get_organisation, admin)["version"]
    refusal = identity.refused(
        organisations.set_features, admin, version=version, features=["provider_portal"]
    )
    assert refusal.code == "feature_needs_another"
    assert "referral.read" in identity.caller(token).permissions
    identity.an_organisation("bayside")
    elsewhere = identity.call(organisations.get_organisation, identity.admin("bayside"))["features"]
    assert {"provider_portal", "referralq"} <= set(elsewhere)
    identity.call(organisations.set_features, admin, version=version, features=["electronic_signature"])
    assert identity.call(organisations.get_organisation, identity.admin("bayside"))["features"] == elsewhere
    caller = identity.caller(token)
    assert caller.permissions == frozenset()
    assert caller.scope["resources"] == []
    refusal = identity.refused(
        login.log_in, organisation="harbor", login=account["login"], password="tidal lantern violet meadow"
    )
    assert refusal.code == "feature_is_off"
    notifications = a_service("notifications", (identity.harbor.organisation_id, "harbor"))
    assert (
        identity.call(accounts.list_resource_recipients, notifications, resource_ids=[resource_id])[
            "recipients"
        ]
        == []
    )
    staff = identity.an_account()
    refusal = identity.refused(
        accounts.set_security_level,
        admin,
        version=staff["version"],
        account_id=staff["id"],
        security_level="provider_portal_user",
    )
    assert refusal.code == "feature_is_off"


def test_whoever_is_sent_a_document_by_an_address_gets_an_account_of_a_provider_once(
    identity: Identity,
) -> None:
    signing = a_service("signing", (identity.harbor.organisation_id, "harbor"))
    known = identity.a_provider()
    people = [{"email": known["login"].upper()}, {"email": "New@clinic.example.org", "first_name": "Nel"}]
    first, second = (
        identity.call(accounts.find_or_invite_signers, signing, people=people)["items"] for _ in range(2)
    )
    assert first == second
    assert [each["email"].casefold() for each in first] == [each["email"].casefold() for each in people]
    assert first[0]["account_id"] == known["id"]
    made = identity.call(accounts.describe_account, signing, account_id=first[1]["account_id"])
    assert [made[name] for name in ("realm", "state", "can_sign", "first_name")] == [
        "provider",
        "invited",
        True,
        "Nel",
    ]
    invited = [event["data"]["account_id"] for event in identity.events(credentials.account_invited)]
    assert invited.count(made["account_id"]) == 1
    for features in (["referralq", "electronic_signature"], ["referralq", "provider_portal"]):
        set_features(identity, *features)
        refusal = identity.refused(accounts.find_or_invite_signers, signing, people=people)
        assert refusal.code == "feature_is_off"
