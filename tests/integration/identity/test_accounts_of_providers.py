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
    audit,
    credentials,
    login,
    relationships,
)
from services.contracts.referrals import directory as referrals
from services.identity.models import Account, ResourceAssignment
from services.identity.realms.rules import DEFAULT_ROLES, PROVIDER_LEVEL, effective_permissions
from tests.integration.identity.conftest import Identity
from tests.integration.referrals.builders import PROVIDER_MAY
from tests.support.in_process import a_service


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
    identity.set_level(account["id"], "provider_portal_user")
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
    account = identity.set_level(account["id"], "provider_portal_user")
    assert account["resources"] == []
    assert account["switches"] == dict.fromkeys(switches, False)


@pytest.mark.seed("S0-19")
def test_leaving_the_level_suspends_assignments_and_coming_back_restores_them(
    identity: Identity, resource_id: str
) -> None:
    account = identity.a_provider(resource_id)
    assert "resources" not in identity.set_level(account["id"], "standard")
    scope = identity.caller(identity.log_in(account["login"])["token"]).scope
    assert scope == {}
    restored = identity.set_level(account["id"], "provider_portal_user")
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
        identity.set_level(account["id"], "standard")
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
    identity.set_level(left["id"], "standard")
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
        identity.set_features(*features)
        refusal = identity.refused(accounts.find_or_invite_signers, signing, people=people)
        assert refusal.code == "feature_is_off"
