"""`check_permission`: other services ask it before they continue a job for somebody."""

from __future__ import annotations

import pytest

from services.contracts.errors import Refused
from services.contracts.identity import accounts, api_clients, passports, people
from tests.integration.identity.conftest import Identity
from tests.integration.identity.family import Desk
from tests.support.in_process import BAYSIDE, a_service


def may(identity: Identity, account_id: str, permission: str, service: str = "referrals") -> bool:
    asking = a_service(service, (identity.harbor.organisation_id, "harbor"))
    answer = identity.call(passports.check_permission, asking, account_id=account_id, permission=permission)
    return bool(answer["is_allowed"])


def test_an_account_may_what_its_role_says_until_it_is_disabled(either: Identity) -> None:
    account = either.an_account()
    assert may(either, account["id"], "referral.assign")
    assert not may(either, account["id"], "organisation.manage")
    either.call(
        accounts.disable_account, either.admin(), account_id=account["id"], version=account["version"]
    )
    assert not may(either, account["id"], "referral.assign")


def test_a_provider_may_what_its_switches_allow(identity: Identity) -> None:
    provider = identity.a_provider()
    assert may(identity, provider["id"], "referral.read")
    assert not may(identity, provider["id"], "referral.assign")


def test_an_api_client_may_what_its_scopes_say_until_it_is_revoked(identity: Identity) -> None:
    client = identity.call(
        api_clients.create_api_client, identity.admin(), name="Bed registry", scopes=["capacity.read"]
    )
    assert may(identity, client["id"], "capacity.read")
    assert not may(identity, client["id"], "referral.assign")
    identity.call(api_clients.revoke_api_client, identity.admin(), client_id=client["id"])
    assert not may(identity, client["id"], "capacity.read")


def test_nobody_is_allowed_anything_in_another_organisation_or_under_a_made_up_id(identity: Identity) -> None:
    account = identity.an_account()
    foreign = a_service("referrals", BAYSIDE)
    wanted = {"account_id": account["id"], "permission": "referral.assign"}
    assert identity.call(passports.check_permission, foreign, **wanted) == {"is_allowed": False}
    assert not may(identity, "0" * 32, "referral.assign")


def test_only_those_who_give_work_to_accounts_may_ask(identity: Identity) -> None:
    assert may(identity, identity.an_account()["id"], "portal_queue.work", service="portals")
    with pytest.raises(Refused) as refused:
        may(identity, identity.an_account()["id"], "referral.assign", service="signing")
    assert refused.value.code == "forbidden"


def test_a_persons_profile_is_reached_by_whom_it_is_open_to_and_only_while_it_is(either: Identity) -> None:
    desk = Desk(either)
    client, other = desk.a_client(), desk.a_client()
    own = desk.grant(client)["account_id"]
    desk.first_sign_in(client["email"])

    def sees(account_id: str, person_id: str | None) -> bool:
        asking = a_service("portals", (either.harbor.organisation_id, "harbor"))
        wanted = {"account_id": account_id, "permission": "profile.view_schedule", "person_id": person_id}
        return bool(either.call(passports.check_permission, asking, **wanted)["is_allowed"])

    assert sees(own, client["id"])
    assert sees(own, None)
    assert not sees(own, other["id"])
    version = desk.call(people.get_person, person_id=client["id"])["version"]
    desk.call(people.disable_person, person_id=client["id"], version=version)
    assert not sees(own, client["id"])
