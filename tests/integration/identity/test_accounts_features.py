"""What an organisation has switched on decides with the next passport what accounts may do."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis import wire
from services.contracts.identity import (
    accounts,
    api_clients,
    audit,
    login,
    organisations,
    passports,
)
from services.identity.accounts import workforce
from tests.integration.identity.conftest import Identity
from tests.support.in_process import a_service


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
    identity.set_features()
    # Without the feature nobody has a permission over ReferralQs, whatever the role holds.
    assert (may(staff, "queue.manage"), may(staff, "person.read")) == (False, True)
    assert (can_sign(provider), may(provider, "capacity.edit")) == (False, False)


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
    identity.set_level(identity.an_account()["id"], "supervisor")
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
