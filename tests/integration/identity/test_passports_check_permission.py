"""`check_permission`: other services ask it before they continue a job for somebody."""

from __future__ import annotations

import pytest

from services.contracts.errors import Refused
from services.contracts.identity import accounts, api_clients, passports
from tests.integration.identity.conftest import Identity
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
