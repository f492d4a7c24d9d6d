"""Family Portal access: its grant, address, role and end (S1)."""

from __future__ import annotations

import datetime

import pytest

from services.chassis.unit_of_work import utc_now
from services.contracts import identity as contract
from services.contracts.declare import all_operations
from services.contracts.errors import Refused
from services.contracts.identity import accounts, family, passports, realms, relationships
from services.contracts.identity import people as people_contract
from tests.integration.identity.conftest import Identity
from tests.integration.identity.family import MANAGE, OWN_PASSWORD, Desk


@pytest.fixture
def desk(identity: Identity) -> Desk:
    return Desk(identity)


@pytest.mark.seed("S1-1")
@pytest.mark.seed("S1-7")
@pytest.mark.seed("S1-25")
def test_a_client_and_a_contact_get_access_to_the_clients_profile(desk: Desk) -> None:
    client = desk.a_client()
    daughter = desk.a_contact(client)
    for person, role in ((client, "patient"), (daughter, "family")):
        access = desk.grant(client, person, role)
        caller = desk.first_sign_in(access["login"])
        assert caller.realm == "family"
        (profile,) = caller.scope["profiles"]
        assert (profile["person_id"], profile["role"]) == (client["id"], role)


@pytest.mark.seed("S1-2")
def test_access_for_somebody_who_is_no_contact_of_the_client_is_refused(desk: Desk) -> None:
    client, other, stranger = desk.a_client(), desk.a_client(), desk.a_person("contact")
    contact_of_another = desk.a_contact(other)
    for person in (stranger, contact_of_another):
        request = {"client_id": client["id"], "person_id": person["id"]}
        assert desk.refused(family.add_family_access, role="family", **request) == "not_a_contact"
        assert desk.refused(family.get_family_access_form, **request) == "not_a_contact"
    desk.add_contact(client, stranger)
    assert desk.grant(client, stranger)["role"] == "family"


def test_a_discharged_client_cannot_be_given_access(desk: Desk) -> None:
    client = desk.a_client()
    desk.call(people_contract.end_person_kind, person_id=client["id"], kind="client")
    request = {"client_id": client["id"], "person_id": client["id"], "role": "patient"}
    assert desk.refused(family.add_family_access, **request) == "not_a_client"


@pytest.mark.seed("S1-3")
@pytest.mark.seed("S1-21")
@pytest.mark.seed("S1-41")
def test_one_person_reaches_several_profiles_each_in_a_role_and_all_are_listed(desk: Desk) -> None:
    mother, father = desk.a_client(last_name="Ash"), desk.a_client(last_name="Birch")
    daughter = desk.a_contact(mother)
    desk.add_contact(father, daughter)
    login = desk.grant(mother, daughter, "family")["login"]
    access = desk.grant(father, daughter, "physician")
    caller = desk.first_sign_in(login)
    assert {each["person_id"]: each["role"] for each in caller.scope["profiles"]} == {
        mother["id"]: "family",
        father["id"]: "physician",
    }
    listed = desk.call(people_contract.list_my_profiles, caller=caller)
    assert [(each["last_name"], each["role_name"]) for each in listed["items"]] == [
        ("Ash", "Family"),
        ("Birch", "Physician"),
    ]
    assert listed["own_id"] is None
    assert [(each["client_id"], each["role"]) for each in access["other_profiles"]] == [
        (mother["id"], "family")
    ]
    (other,) = desk.manage(mother, daughter)["other_profiles"]
    assert (other["client_id"], other["last_name"], other["role"]) == (father["id"], "Birch", "physician")


@pytest.mark.seed("S1-4")
@pytest.mark.seed("S1-5")
@pytest.mark.seed("S1-12")
@pytest.mark.seed("S1-28")
def test_an_address_is_the_login_of_one_family_account_only_whatever_its_case(desk: Desk) -> None:
    client = desk.a_client(email="Rose@Example.org")
    access = desk.grant(client)
    assert access["login"] == "rose@example.org"
    contact = desk.a_contact(client, email="ROSE@example.ORG")
    refusal = desk.identity.refused(
        family.add_family_access, desk.staff, client_id=client["id"], person_id=contact["id"], role="family"
    )
    assert (refusal.code, refusal.status, refusal.field) == ("login_taken", 409, "email")
    assert "rose" not in refusal.detail.lower()
    # In another organisation, and for a member of the staff, the same address is another login.
    assert desk.grant(client, contact, email="fern@example.org")["login"] == "fern@example.org"
    desk.identity.call(
        accounts.create_account,
        desk.identity.admin(),
        email="rose@example.org",
        first_name="R",
        last_name="Q",
    )


@pytest.mark.seed("S1-6")
def test_every_operation_takes_the_permission_and_without_it_no_action_is_offered(desk: Desk) -> None:
    client = desk.a_client()
    contact = desk.a_contact(client)
    without = desk.somebody("person.read", "person.manage")
    operations = [each for each in all_operations([contract.contract]) if "family" in each.name]
    assert len(operations) == 7
    assert {operation.access.permission for operation in operations} == {MANAGE}
    ids = {"client_id": client["id"], "person_id": contact["id"]}
    assert desk.refused(family.get_family_access_form, caller=without, **ids) == "forbidden"
    assert desk.refused(family.add_family_access, caller=without, role="family", **ids) == "forbidden"
    assert desk.contact(client, contact, without)["actions"] == []
    assert desk.contact(client, contact)["actions"] == ["add"]


@pytest.mark.seed("S1-6")
def test_the_permission_is_given_to_a_role_of_the_staff(desk: Desk) -> None:
    admin = desk.identity.admin()
    account = desk.identity.an_account("standard")
    worker = desk.identity.caller(desk.identity.log_in(account["login"])["token"])
    assert not worker.may(MANAGE)
    roles = desk.identity.call(realms.list_roles, admin, realm="staff")["items"]
    standard = next(role for role in roles if role["code"] == "standard")
    desk.identity.call(
        realms.edit_role,
        admin,
        version=standard["version"],
        role_id=standard["id"],
        permissions=[*standard["permissions"], MANAGE, "person.read"],
    )
    worker = desk.identity.caller(desk.identity.log_in(account["login"])["token"])
    assert worker.may(MANAGE)


@pytest.mark.seed("S1-8")
@pytest.mark.seed("S1-26")
def test_adding_is_offered_only_where_there_is_no_access_and_a_second_time_is_refused(desk: Desk) -> None:
    client = desk.a_client()
    contact = desk.a_contact(client)
    for person in (client, contact):
        assert desk.form(client, person)["actions"] == ["add"]
        desk.grant(client, person)
        assert "add" not in desk.form(client, person)["actions"]
        request = {"client_id": client["id"], "person_id": person["id"], "role": "family"}
        assert desk.refused(family.add_family_access, **request) == "access_exists"
    assert "add" not in desk.contact(client, contact)["actions"]


@pytest.mark.seed("S1-9")
@pytest.mark.seed("S1-10")
@pytest.mark.seed("S1-11")
@pytest.mark.seed("S1-27")
@pytest.mark.seed("S1-29")
def test_the_address_on_record_is_prefilled_and_can_be_edited(desk: Desk) -> None:
    client = desk.a_client(email="rose@example.org")
    contact, silent = desk.a_contact(client, email="iris@example.org"), desk.a_contact(client, email=None)
    for person, email in ((client, "rose@example.org"), (contact, "iris@example.org"), (silent, None)):
        form = desk.form(client, person)
        assert (form["email"], form["email_is_fixed"]) == (email, False)
    assert desk.grant(client)["login"] == "rose@example.org"
    access = desk.grant(client, contact, email="iris@work.example.org")
    assert access["login"] == "iris@work.example.org"
    assert desk.mint()["email"] == "iris@work.example.org"
    request = {"client_id": client["id"], "person_id": silent["id"], "role": "family"}
    refusal = desk.identity.refused(family.add_family_access, desk.staff, **request)
    assert (refusal.code, refusal.field) == ("invalid_request", "email")


@pytest.mark.seed("S1-13")
@pytest.mark.seed("S1-30")
def test_who_has_an_account_keeps_its_address_and_its_password(desk: Desk) -> None:
    mother, father = desk.a_client(email="rose@example.org"), desk.a_client()
    daughter = desk.a_contact(father, email="iris@example.org")
    desk.add_contact(mother, daughter)
    desk.add_contact(father, mother)
    for person, login in ((mother, "rose@example.org"), (daughter, "iris@work.example.org")):
        desk.grant(mother, person, email=login)
        desk.first_sign_in(login)
        sent = len(desk.invitations())
        form = desk.form(father, person)
        assert (form["email"], form["email_is_fixed"]) == (login, True)
        request = {"client_id": father["id"], "person_id": person["id"], "role": "family"}
        assert desk.refused(family.add_family_access, email="new@example.org", **request) == "login_is_fixed"
        assert desk.grant(father, person)["login"] == login
        assert len(desk.invitations()) == sent
        assert len(desk.identity.caller(desk.sign_in(login)["token"]).scope["profiles"]) == 2


@pytest.mark.seed("S1-14")
@pytest.mark.seed("S1-31")
def test_the_roles_to_choose_from_are_the_organisations_own(desk: Desk) -> None:
    client, admin = desk.a_client(), desk.identity.admin()
    assert [role["code"] for role in desk.form(client, client)["roles"]] == ["family", "patient", "physician"]
    desk.identity.call(
        realms.create_role,
        admin,
        realm="family",
        code="guardian",
        name="Legal guardian",
        permissions=["profile.view_demographics"],
    )
    assert {"code": "guardian", "name": "Legal guardian"} in desk.form(client, client)["roles"]
    request = {"client_id": client["id"], "person_id": client["id"]}
    assert desk.refused(family.add_family_access, role="standard", **request) == "invalid_request"
    assert desk.refused(family.add_family_access, **request) == "invalid_request"
    assert desk.grant(client, role="guardian")["role_name"] == "Legal guardian"


@pytest.mark.seed("S1-15")
@pytest.mark.seed("S1-32")
def test_the_roles_permissions_decide_what_is_seen_of_the_profile(desk: Desk) -> None:
    client = desk.a_client(date_of_birth="1941-03-05", city="Harbor")
    contact, stranger = desk.a_contact(client, relation="physician"), desk.a_client()
    patient = desk.first_sign_in(desk.grant(client, role="patient")["login"])
    physician = desk.first_sign_in(desk.grant(client, contact, "physician")["login"])
    whole = desk.call(people_contract.get_my_profile, caller=patient, person_id=client["id"])
    assert (whole["demographics"]["date_of_birth"], whole["contact_details"]["city"]) == (
        "1941-03-05",
        "Harbor",
    )
    assert [each["relation"] for each in whole["contacts"]] == ["physician"]
    part = desk.call(people_contract.get_my_profile, caller=physician, person_id=client["id"])
    assert "demographics" in part
    assert {"contact_details", "contacts"} & set(part) == set()
    assert (
        desk.refused(people_contract.get_my_profile, caller=physician, person_id=stranger["id"])
        == "not_found"
    )
    reads = desk.identity.audit("profile.read")
    assert [(row.object_id, row.actor_id) for row in reads] == [
        (client["id"], patient.id),
        (client["id"], physician.id),
    ]


@pytest.mark.seed("S1-22")
@pytest.mark.seed("S1-37")
@pytest.mark.seed("S1-38")
def test_the_role_is_changed_for_one_profile_only(desk: Desk) -> None:
    mother, father = desk.a_client(), desk.a_client()
    daughter = desk.a_contact(mother)
    desk.add_contact(father, daughter)
    desk.grant(mother, daughter, "family")
    access = desk.grant(father, daughter, "family")
    caller = desk.first_sign_in(access["login"])
    request = {"client_id": father["id"], "person_id": daughter["id"], "role": "physician"}
    assert desk.refused(family.change_family_access, version=99, **request) == "version_conflict"
    changed = desk.call(family.change_family_access, version=access["version"], **request)
    assert changed["role"] == "physician"
    profiles = desk.identity.caller(desk.sign_in(access["login"])["token"]).scope["profiles"]
    assert {each["person_id"]: each["role"] for each in profiles} == {
        mother["id"]: "family",
        father["id"]: "physician",
    }
    (event,) = desk.identity.events(relationships.access_role_changed)
    assert event["data"] == {"account_id": caller.id, "person_id": father["id"], "role": "physician"}


@pytest.mark.seed("S1-23")
@pytest.mark.seed("S1-24")
@pytest.mark.seed("S1-37")
@pytest.mark.seed("S1-39")
def test_access_is_removed_from_one_profile_once_that_is_confirmed(desk: Desk) -> None:
    mother, father = desk.a_client(), desk.a_client()
    daughter = desk.a_contact(mother)
    desk.add_contact(father, daughter)
    desk.grant(mother, daughter)
    login = desk.grant(father, daughter)["login"]
    temporary = desk.mint()["temporary_password"]
    token = desk.sign_in(login, temporary, new_password=OWN_PASSWORD)["token"]
    request = {"client_id": father["id"], "person_id": daughter["id"]}
    assert desk.refused(family.remove_family_access, **request) == "confirmation_required"
    assert len(desk.identity.caller(token).scope["profiles"]) == 2
    desk.call(family.remove_family_access, confirm=True, **request)
    caller = desk.identity.caller(token)
    assert [each["person_id"] for each in caller.scope["profiles"]] == [mother["id"]]
    assert desk.refused(people_contract.get_my_profile, caller=caller, person_id=father["id"]) == "not_found"
    assert desk.refused(family.get_family_access, **request) == "not_found"
    (revoked,) = desk.identity.events(relationships.access_revoked)
    assert revoked["data"] == {
        "account_id": caller.id,
        "resource_id": father["id"],
        "resource_kind": "profile",
    }
    assert [row.facts["reason"] for row in desk.identity.audit("grant.revoked")] == ["removed"]
    desk.call(family.remove_family_access, client_id=mother["id"], person_id=daughter["id"], confirm=True)
    assert not desk.identity.holds(token)


def test_an_outage_is_not_told_as_a_session_that_has_ended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A portal's passport needs a second reading: of the profiles."""
    login = desk.grant(desk.a_client())["login"]
    temporary = desk.mint()["temporary_password"]
    token = desk.sign_in(login, temporary, new_password=OWN_PASSWORD)["token"]
    assert desk.identity.holds(token)

    def away(_organisation_id: str | None) -> None:
        raise Refused("service_unavailable", "The database cannot be reached.")

    monkeypatch.setattr(desk.identity.database, "reading", away)
    asked = [{"token": token, "audience": "identity"}]
    assert desk.identity.refused(passports.issue_passports, asked=asked).code == "service_unavailable"


@pytest.mark.seed("S1-34")
@pytest.mark.seed("S1-35")
def test_the_contact_list_shows_the_role_and_the_last_sign_in(desk: Desk) -> None:
    client = desk.a_client()
    contact = desk.a_contact(client)
    assert desk.contact(client, contact)["family_access"] is None
    login = desk.grant(client, contact, "family")["login"]
    shown = desk.contact(client, contact)["family_access"]
    assert (shown["role"], shown["role_name"], shown["last_sign_in_at"]) == ("family", "Family", None)
    before = utc_now()
    caller = desk.first_sign_in(login)
    shown = desk.contact(client, contact)["family_access"]
    assert before <= datetime.datetime.fromisoformat(shown["last_sign_in_at"]) <= utc_now()
    assert shown["last_used_at"] is None
    desk.call(people_contract.get_my_profile, caller=caller, person_id=client["id"])
    used_at = desk.contact(client, contact)["family_access"]["last_used_at"]
    assert used_at is not None
    assert desk.manage(client, contact)["last_used_at"] == used_at
    assert desk.manage(client, contact)["last_sign_in_at"] == shown["last_sign_in_at"]
    assert {row.object_id for row in desk.identity.audit("contacts.read")} == {client["id"]}


def test_a_contact_who_is_a_disabled_person_is_shown_so_and_given_no_access(desk: Desk) -> None:
    client = desk.a_client()
    contact = desk.a_contact(client)
    shown = desk.contact(client, contact)
    assert (shown["is_disabled"], shown["actions"]) == (False, ["add"])
    version = desk.call(people_contract.get_person, person_id=contact["id"])["version"]
    desk.call(people_contract.disable_person, person_id=contact["id"], version=version)
    shown = desk.contact(client, contact)
    assert (shown["is_disabled"], shown["actions"]) == (True, [])


def test_each_relative_is_shown_with_the_own_login(desk: Desk) -> None:
    client = desk.a_client()
    relatives = [desk.a_contact(client) for _ in range(2)]
    logins = [desk.grant(client, relative)["login"] for relative in relatives]

    assert [desk.manage(client, relative)["login"] for relative in relatives] == logins
    assert [desk.form(client, relative)["email"] for relative in relatives] == logins
    assert [desk.form(client, relative)["person_id"] for relative in relatives] == [
        relative["id"] for relative in relatives
    ]
    assert len(set(logins)) == 2


@pytest.mark.seed("S1-40")
def test_disabling_a_contact_ends_its_access_to_that_client_once_confirmed(desk: Desk) -> None:
    mother, father = desk.a_client(), desk.a_client()
    daughter = desk.a_contact(mother)
    son = desk.a_contact(mother)
    desk.add_contact(father, daughter)
    desk.grant(mother, daughter)
    login = desk.grant(father, daughter)["login"]
    request = {"client_id": mother["id"], "contact_id": daughter["id"], "version": 1}
    assert desk.refused(family.disable_client_contact, **request) == "confirmation_required"
    caller = desk.first_sign_in(login)
    assert len(caller.scope["profiles"]) == 2
    line = desk.call(family.disable_client_contact, confirm=True, **request)
    assert (line["is_disabled"], line["family_access"], line["actions"]) == (True, None, [])
    assert line["version"] == 2
    (row,) = desk.identity.audit("contact.disabled")
    assert (row.person_id, row.facts["contact_id"], row.facts["access_ended"]) == (
        mother["id"],
        daughter["id"],
        True,
    )
    assert desk.manage(father, daughter)["person_id"] == daughter["id"]
    profiles = desk.identity.caller(desk.sign_in(login)["token"]).scope["profiles"]
    assert [each["person_id"] for each in profiles] == [father["id"]]
    # A contact without access is disabled without a question, and is no contact then.
    desk.call(family.disable_client_contact, client_id=mother["id"], contact_id=son["id"], version=1)
    request = {"client_id": mother["id"], "person_id": son["id"], "role": "family"}
    assert desk.refused(family.add_family_access, **request) == "not_a_contact"


def test_another_organisation_sees_no_client_and_no_access(desk: Desk) -> None:
    client = desk.a_client()
    desk.grant(client)
    stranger = desk.somebody("person.read", "person.manage", MANAGE, organisation="bayside")
    ids = {"client_id": client["id"], "person_id": client["id"]}
    assert desk.refused(family.get_family_access, caller=stranger, **ids) == "not_found"
    assert desk.refused(family.get_family_access_form, caller=stranger, **ids) == "not_found"
    assert desk.refused(family.remove_family_access, caller=stranger, confirm=True, **ids) == "not_found"
    assert desk.refused(people_contract.get_person, caller=stranger, person_id=client["id"]) == "not_found"


def test_with_a_discharged_client_ends_the_familys_access_once_staff_confirm(desk: Desk) -> None:
    client, other = desk.a_client(), desk.a_client()
    daughter = desk.a_contact(client)
    desk.add_contact(other, daughter)
    desk.grant(client)
    login = desk.grant(client, daughter)["login"]
    desk.grant(other, daughter)
    caller_before = desk.first_sign_in(login)
    assert {each["person_id"] for each in caller_before.scope["profiles"]} == {client["id"], other["id"]}
    request = {"person_id": client["id"], "kind": "client"}
    refused = desk.identity.refused(people_contract.end_person_kind, desk.staff, **request)
    assert (refused.code, refused.field) == ("confirmation_required", "confirm")
    assert "2 accounts" in refused.detail
    assert "client" in desk.call(people_contract.get_person, person_id=client["id"])["kinds"]

    desk.call(people_contract.end_person_kind, confirm=True, **request)
    caller = desk.identity.caller(desk.sign_in(login)["token"])
    assert [each["person_id"] for each in caller.scope["profiles"]] == [other["id"]]
    assert (
        desk.refused(family.get_family_access, client_id=client["id"], person_id=client["id"]) == "not_found"
    )


def test_a_client_whom_nobody_reaches_is_discharged_at_once(desk: Desk) -> None:
    client = desk.a_client()
    desk.grant(client)
    desk.call(family.remove_family_access, client_id=client["id"], person_id=client["id"], confirm=True)
    assert desk.call(people_contract.end_person_kind, person_id=client["id"], kind="client")["kinds"] == []


def test_a_further_profile_is_told_to_who_has_signed_in_and_reaches_another(desk: Desk) -> None:
    def told() -> list[bool]:
        events = desk.identity.events(relationships.access_granted)
        return [event["data"].get("is_further", False) for event in events]

    first, second, third = desk.a_client(), desk.a_client(), desk.a_client()
    daughter = desk.a_contact(first)
    desk.add_contact(second, daughter)
    desk.add_contact(third, daughter)
    login = desk.grant(first, daughter)["login"]
    desk.grant(second, daughter)  # she has not signed in yet: the invitation is all that she gets
    assert told() == [False, False]
    desk.first_sign_in(login)
    desk.grant(third, daughter)
    assert told() == [False, False, True]
    for client in (first, second, third):
        version = desk.manage(client, daughter)["version"]
        given = {"client_id": client["id"], "person_id": daughter["id"], "confirm": True}
        desk.call(family.remove_family_access, version=version, **given)
    desk.grant(first, daughter)  # it reaches no other profile any more
    assert told() == [False, False, True, False]
