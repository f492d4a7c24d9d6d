"""Names of authors, as other services show them: first name and initial only."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis import wire
from services.chassis.passports import Caller
from services.contracts.identity import accounts as contract
from services.contracts.identity import api_clients, hr_feed, pickup_codes
from tests.integration.identity.conftest import ADMIN, Identity
from tests.integration.identity.employees import a_line, an_employee, upload
from tests.support.in_process import a_caller, a_service


def asking(identity: Identity, service: str = "referrals") -> Caller:
    return a_service(service, (identity.harbor.organisation_id, "harbor"))


def described(identity: Identity, *account_ids: str) -> dict[str, Any]:
    answer = identity.call(contract.describe_authors, asking(identity), account_ids=list(account_ids))
    assert answer["organisation_name"] == "Harbor County"
    return {author["id"]: author for author in answer["authors"]}


def test_services_learn_first_name_and_initial_of_staff_and_providers_alike(either: Identity) -> None:
    staff, provider = either.an_account(), either.a_provider()
    found = described(either, staff["id"], provider["id"])
    assert found == {
        staff["id"]: {"id": staff["id"], "name": "Pat Q.", "kind": "account", "realm": "staff"},
        provider["id"]: {"id": provider["id"], "name": "Pat Q.", "kind": "account", "realm": "provider"},
    }
    assert "Quill" not in str(found)
    assert "@" not in str(found)


def test_a_disabled_account_is_named_and_one_without_a_name_has_none(identity: Identity) -> None:
    gone = identity.an_account()
    identity.call(contract.disable_account, identity.admin(), account_id=gone["id"], version=gone["version"])
    first = str(identity.harbor.admin_account_id)
    found = described(identity, gone["id"], first)
    assert found[gone["id"]]["name"] == "Pat Q."
    # The first administrator was made without a name; the login is an address, and no substitute for one.
    assert found[first]["name"] is None
    assert ADMIN not in str(found)


def test_an_api_client_is_called_by_its_name(identity: Identity) -> None:
    client = identity.call(
        api_clients.create_api_client, identity.admin(), name="Bed registry", scopes=["capacity.read"]
    )
    found = described(identity, client["id"])
    assert found[client["id"]] == {
        "id": client["id"],
        "name": "Bed registry",
        "kind": "api_client",
        "realm": None,
    }


def test_unknown_ids_and_those_of_another_organisation_are_left_out(identity: Identity) -> None:
    bayside = identity.an_organisation("bayside")
    known = identity.an_account()
    assert set(described(identity, known["id"], str(bayside.admin_account_id), wire.new_id())) == {
        known["id"]
    }


def test_only_some_services_may_ask_and_for_two_hundred_at_most(identity: Identity) -> None:
    ids = [wire.new_id() for _ in range(201)]
    for caller in (
        asking(identity, "notifications"),
        a_caller("account.read", id="5" * 32, organisation=(identity.harbor.organisation_id, "harbor")),
    ):
        assert identity.refused(contract.describe_authors, caller, account_ids=ids[:1]).code == "forbidden"
    for wanted in (ids, []):
        refused = identity.refused(contract.describe_authors, asking(identity), account_ids=wanted)
        assert (refused.code, refused.field) == ("invalid_request", "account_ids")
    assert described(identity, *ids[:200]) == {}


@pytest.mark.parametrize("service", ["referrals", "portals", "signing"])
def test_services_that_show_authors_may_ask(identity: Identity, service: str) -> None:
    account = identity.an_account()
    answer = identity.call(contract.describe_authors, asking(identity, service), account_ids=[account["id"]])
    assert [author["name"] for author in answer["authors"]] == ["Pat Q."]


def test_pick_up_codes_and_files_of_the_feed_say_who_made_them(identity: Identity) -> None:
    maker = identity.an_account("admin")
    admin = identity.caller(identity.log_in(maker["login"])["token"])
    employee = an_employee(identity, admin, "1")
    nameless = identity.admin()  # the first administrator was made without a name
    for caller in (admin, nameless):
        identity.call(pickup_codes.create_pickup_code, caller, person_id=employee["id"])
    codes = identity.call(pickup_codes.list_pickup_codes, admin)["items"]
    assert [(code["created_by"], code["created_by_name"]) for code in codes] == [
        (nameless.id, None),
        (maker["id"], "Pat Q."),
    ]
    read = upload(identity, admin, a_line("1"))
    begun = identity.call(hr_feed.apply_hr_import, nameless, import_id=read["id"], confirm=True)
    for answer in (read, begun, identity.call(hr_feed.get_hr_import, admin, import_id=read["id"])):
        assert (answer["created_by"], answer["created_by_name"]) == (maker["id"], "Pat Q.")
