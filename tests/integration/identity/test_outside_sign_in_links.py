"""Links between accounts and outside ones: making and removing them, passwords beside them, and proof by the provider."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from services.contracts.errors import Refused
from services.contracts.identity import login, merging, people
from services.contracts.identity import outside as contract
from services.identity.organisations.operator import allow_passwords
from tests.integration.identity import outside
from tests.integration.identity.conftest import ADMIN, PASSWORD, Identity
from tests.integration.identity.outside import (
    a_provider,
    at_provider,
    changed,
    completion,
    refused_sign_in,
    sign_in,
    staff,
)

issuer, ready = outside.issuer, outside.ready


# Links


def test_an_owner_links_an_outside_account_and_takes_the_link_away(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    a_provider(ready, issuer, admin, linking="by_hand")
    assert refused_sign_in(ready, "ada").code == "outside_sign_in_refused"
    begun = ready.call(contract.start_outside_link, admin, return_path="/me")
    answer = ready.call(contract.complete_outside_sign_in, **completion(begun, at_provider(begun, "other")))
    assert answer == {"purpose": "link", "return_path": "/me"}
    assert ready.caller(sign_in(ready, "other")["token"]).id == admin.id
    (identity,) = ready.call(contract.list_my_outside_identities, admin)["items"]
    assert identity["linked_by"] == "owner"
    ready.call(contract.unlink_my_outside_identity, admin, identity_id=identity["id"])
    assert refused_sign_in(ready, "other").code == "outside_sign_in_refused"
    refusal = ready.refused(contract.unlink_my_outside_identity, admin, identity_id=identity["id"])
    assert refusal.code == "not_found"


def test_staff_link_and_unlink_and_whoever_came_in_by_it_is_out(ready: Identity, issuer: str) -> None:
    account, admin = ready.an_account(), staff(ready)
    a_provider(ready, issuer, admin, linking="by_hand")
    linked = ready.call(
        contract.link_account_outside_identity, admin, account_id=account["id"], subject="other"
    )
    assert linked["linked_by"] == "staff"
    token = sign_in(ready, "other")["token"]
    assert ready.caller(token).id == account["id"]
    listed = ready.call(contract.list_account_outside_identities, admin, account_id=account["id"])
    assert [each["id"] for each in listed["items"]] == [linked["id"]]
    assert len(ready.audit("outside_identity.listed")) == 1
    ready.call(
        contract.unlink_account_outside_identity,
        admin,
        account_id=account["id"],
        identity_id=linked["id"],
    )
    assert not ready.holds(token)
    assert [event["data"]["change"] for event in ready.events(contract.outside_identity_changed)] == [
        "linked",
        "unlinked",
    ]


def test_one_outside_account_leads_to_one_account_of_a_realm(ready: Identity, issuer: str) -> None:
    one, other, admin = ready.an_account(), ready.an_account(), staff(ready)
    a_provider(ready, issuer, admin)
    link = {"subject": "other"}
    first = ready.call(contract.link_account_outside_identity, admin, account_id=one["id"], **link)
    again = ready.call(contract.link_account_outside_identity, admin, account_id=one["id"], **link)
    assert again["id"] == first["id"]
    for request in ({"account_id": other["id"], **link}, {"account_id": one["id"], "subject": "second"}):
        refusal = ready.refused(contract.link_account_outside_identity, admin, **request)
        assert refusal.code == "outside_identity_taken"


def test_the_last_way_in_is_not_taken_away_by_its_owner(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)
    sign_in(ready, "ada")
    changed(ready, provider, admin, allows_passwords=False)
    (identity,) = ready.call(contract.list_my_outside_identities, admin)["items"]
    refusal = ready.refused(contract.unlink_my_outside_identity, admin, identity_id=identity["id"])
    assert refusal.code == "last_way_in"


# Passwords beside it, and proof


def test_passwords_end_where_the_organisation_says_so_and_only_a_right_one_hears_it(
    ready: Identity, issuer: str
) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)
    assert (
        ready.refused(
            contract.change_identity_provider,
            admin,
            version=1,
            **{name: provider[name] for name in ("realm", "issuer", "client_id", "button_name")},
            allows_passwords=False,
        ).code
        == "last_way_in"
    )
    sign_in(ready, "ada")
    provider_account = ready.a_provider()
    ready.an_organisation("bayside")
    changed(ready, provider, admin, allows_passwords=False)
    credentials = {"organisation": "harbor", "login": ADMIN}
    assert ready.refused(login.log_in, **credentials, password=PASSWORD).code == "outside_sign_in_required"
    assert ready.refused(login.log_in, **credentials, password="wrong").code == "credentials_refused"
    unknown = ready.refused(login.log_in, organisation="harbor", login="x@example.org", password="wrong")
    assert unknown.code == "credentials_refused"
    # It holds for this realm of this organisation alone.
    assert ready.log_in(organisation="bayside")["token"]
    assert ready.log_in(provider_account["login"])["token"]
    assert sign_in(ready, "ada")["token"]
    options = ready.call(contract.list_sign_in_options, organisation="harbor", realm="staff")
    assert options["has_password"] is False
    changed(ready, provider | {"version": 2}, admin, is_enabled=False)
    assert ready.log_in()["token"]


def test_the_operator_lets_passwords_in_again_where_the_provider_fails(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)
    sign_in(ready, "ada")
    changed(ready, provider, admin, allows_passwords=False)
    allow_passwords(ready.database, organisation_key="harbor", realm="staff")
    assert ready.log_in()["token"]
    with pytest.raises(Refused) as refusal:
        allow_passwords(ready.database, organisation_key="harbor", realm="patient")
    assert refusal.value.code == "not_found"


def test_a_proof_goes_to_the_provider_and_asks_for_a_fresh_sign_in(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    a_provider(ready, issuer, admin)
    sign_in(ready, "ada")
    begun = ready.call(contract.start_outside_proof, admin)
    query = parse_qs(urlsplit(begun["authorization_url"]).query)
    assert (query["prompt"], query["max_age"]) == (["login"], ["0"])
    request = completion(begun, at_provider(begun, "other"))
    assert ready.refused(contract.complete_outside_sign_in, **request).code == "proof_refused"
    begun = ready.call(contract.start_outside_proof, admin)
    answer = ready.call(contract.complete_outside_sign_in, **completion(begun, at_provider(begun, "ada")))
    assert answer == {"purpose": "proof", "return_path": "/"}
    assert ready.audit("session.proven")[-1].facts == {"session_id": admin.session_id}


def test_two_records_that_become_one_keep_the_way_in_of_both(ready: Identity, issuer: str) -> None:
    """The account of the merged record is closed. Its link leads to the account of the kept record now."""
    admin = staff(ready)
    persons, accounts = [], []
    for number in ("1", "2"):
        person = ready.call(people.create_person, admin, number=number, last_name="Quay", kinds=["employee"])
        account = ready.call(
            people.create_person_account,
            admin,
            person_id=person["id"],
            realm="employee",
            role="employee",
            email=f"quay{number}@example.org",
        )
        persons.append(person["id"])
        accounts.append(account["id"])
    a_provider(ready, issuer, admin, realm="employee", linking="by_hand")
    made = ready.call(contract.link_account_outside_identity, admin, account_id=accounts[1], subject="other")
    kept = {"kept_id": persons[0], "merged_id": persons[1]}
    plan = ready.call(merging.preview_merge, admin, **kept)["plan"]
    done = ready.call(merging.merge_people, admin, plan=plan, **kept)

    def linked(account_id: str) -> list[str]:
        listed = ready.call(contract.list_account_outside_identities, admin, account_id=account_id)
        return [each["id"] for each in listed["items"]]

    assert [linked(each) for each in accounts] == [[made["id"]], []]
    ready.call(merging.undo_merge, admin, merge_id=done["id"])
    assert [linked(each) for each in accounts] == [[], [made["id"]]]
