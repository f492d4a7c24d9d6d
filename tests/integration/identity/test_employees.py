"""The Employee Portal: access, supervisors, self-service edits, applicants."""

from __future__ import annotations

import datetime

import pytest
import time_machine
from sqlalchemy import update

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts as accounts_contract
from services.contracts.identity import audit, employees, login, passports, realms, relationships
from services.contracts.identity import people as people_contract
from services.contracts.identity.employees import CONDITIONS
from services.identity.models import Grant
from tests.integration.identity.conftest import PASSWORD, Identity
from tests.integration.identity.employees import activate, an_account, an_employee, enter, reach, relate
from tests.support.in_process import a_service


def missing(identity: Identity, account_id: str) -> list[str]:
    admin = identity.admin()
    items = identity.call(employees.list_employee_access, admin)["items"]
    found = next(item for item in items if item["account_id"] == account_id)
    assert identity.call(employees.get_employee_access, admin, person_id=found["person_id"]) == found
    for condition in CONDITIONS:
        lacking = identity.call(employees.list_employee_access, admin, missing=condition)["items"]
        assert (found in lacking) == (condition in found["missing"]), condition
    let_in = identity.call(employees.list_employee_access, admin, may_enter=True)["items"]
    kept_out = identity.call(employees.list_employee_access, admin, may_enter=False)["items"]
    assert (found in let_in, found in kept_out) == (not found["missing"], bool(found["missing"]))
    return list(found["missing"])


@pytest.mark.seed("S2-29", "S2-31", "S2-46")
@pytest.mark.parametrize("kind", ["self", "portal_user"])
def test_an_account_that_lacks_one_of_both_relationships_reaches_nothing(identity, kind):
    admin = identity.admin()
    employee = an_employee(identity, admin, "1001")
    account = an_account(identity, admin, employee["id"], "portal_user")
    assert reach(enter(identity, "e1001@example.org")) == {employee["id"]: "employee"}
    rows = identity.call(relationships.list_relationships, admin, account_id=account["id"])["items"]
    row = next(each for each in rows if each["kind"] == kind)
    identity.call(relationships.end_relationship, admin, relationship_id=row["id"])
    caller = enter(identity, "e1001@example.org")
    assert reach(caller) == {}
    assert caller.permissions == frozenset()
    assert missing(identity, account["id"]) == [kind]
    assert (
        identity.refused(people_contract.get_my_profile, caller, person_id=employee["id"]).code == "not_found"
    )
    assert identity.refused(people_contract.get_my_settings, caller).code == "forbidden"


@pytest.mark.seed("S2-29")
def test_an_account_without_an_established_role_reaches_nothing(identity):
    admin = identity.admin()
    employee = an_employee(identity, admin, "1001")
    account = an_account(identity, admin, employee["id"], "portal_user")
    role = next(
        each
        for each in identity.call(realms.list_roles, admin, realm="employee")["items"]
        if each["code"] == "employee"
    )
    refusal = identity.refused(
        realms.edit_role, admin, role_id=role["id"], is_disabled=True, version=role["version"]
    )
    assert refusal.code == "role_in_use"
    end_grants(identity, account["id"])
    assert reach(enter(identity, "e1001@example.org")) == {}
    assert missing(identity, account["id"]) == ["role"]


def end_grants(identity: Identity, account_id: str) -> None:
    identity.database.write(
        None,
        lambda session: session.execute(
            update(Grant).where(Grant.account_id == account_id).values(revoked_at=utc_now())
        ),
    )


@pytest.mark.seed("S2-30")
def test_who_is_no_employee_of_the_organisation_any_more_reaches_nothing(identity):
    admin = identity.admin()
    employee = an_employee(identity, admin, "1001")
    account = an_account(identity, admin, employee["id"], "portal_user")
    identity.call(people_contract.end_person_kind, admin, person_id=employee["id"], kind="employee")
    assert missing(identity, account["id"]) == ["active_account", "employee"]
    activate(identity, account["id"])
    assert reach(enter(identity, "e1001@example.org")) == {}
    assert missing(identity, account["id"]) == ["employee"]


@pytest.mark.seed("S2-32", "S2-83")
def test_a_supervisor_reaches_each_related_chart_and_no_other(identity):
    admin = identity.admin()
    chief, one, two = (an_employee(identity, admin, number) for number in ("1001", "1002", "1003"))
    account = an_account(identity, admin, chief["id"], "portal_user")
    supervision = relate(identity, admin, account["id"], one["id"], "supervisor")
    caller = enter(identity, "e1001@example.org")
    assert reach(caller) == {chief["id"]: "employee", one["id"]: "supervisor"}
    profile = identity.call(people_contract.get_my_profile, caller, person_id=one["id"])
    assert (profile["role"], "contact_details" in profile) == ("supervisor", False)
    assert identity.refused(people_contract.get_my_profile, caller, person_id=two["id"]).code == "not_found"
    listed = identity.call(employees.list_my_employees, caller)["items"]
    assert [each["person_id"] for each in listed] == [one["id"]]
    for is_supervisor, people in ((True, {chief["id"]}), (False, {one["id"], two["id"]})):
        items = identity.call(employees.list_employee_access, admin, is_supervisor=is_supervisor)["items"]
        assert {each["person_id"] for each in items} == people
    assert identity.call(employees.get_employee_access, admin, person_id=chief["id"])["supervises"] == 1
    identity.call(relationships.end_relationship, admin, relationship_id=supervision["id"])
    assert reach(enter(identity, "e1001@example.org")) == {chief["id"]: "employee"}


@pytest.mark.seed("S2-32")
def test_a_supervisor_who_does_not_get_in_supervises_nobody(identity):
    admin = identity.admin()
    chief, one = (an_employee(identity, admin, number) for number in ("1001", "1002"))
    account = an_account(identity, admin, chief["id"])
    relate(identity, admin, account["id"], one["id"], "supervisor")
    assert reach(enter(identity, "e1001@example.org")) == {}


@pytest.mark.seed("S2-33")
def test_a_supervisor_is_set_from_the_chart_or_from_the_account_with_one_effect(identity):
    admin = identity.admin()
    chief, one, two = (an_employee(identity, admin, number) for number in ("1001", "1002", "1003"))
    account = an_account(identity, admin, chief["id"], "portal_user")
    sides = ((relationships.set_account_relationship, one), (relationships.set_person_relationship, two))
    for operation, employee in sides:
        identity.call(operation, admin, account_id=account["id"], person_id=employee["id"], kind="supervisor")
    supervised = {one["id"]: "supervisor", two["id"]: "supervisor"}
    assert reach(enter(identity, "e1001@example.org")) == {chief["id"]: "employee"} | supervised


@pytest.mark.seed("S2-35", "S2-36")
def test_roles_that_get_in_can_be_chosen_and_none_chosen_means_all(identity):
    admin = identity.admin()
    chief, one = (an_employee(identity, admin, number) for number in ("1001", "1002"))
    account = an_account(identity, admin, chief["id"], "portal_user")
    relate(identity, admin, account["id"], one["id"], "supervisor")
    entry = identity.call(employees.get_portal_entry, admin, realm="employee")
    assert entry["allowed_roles"] == []
    assert len(reach(enter(identity, "e1001@example.org"))) == 2
    for allowed, reached in (
        (["employee"], {chief["id"]: "employee"}),
        (["supervisor"], {}),
        ([], {chief["id"]: "employee", one["id"]: "supervisor"}),
    ):
        entry = identity.call(
            employees.set_portal_entry,
            admin,
            realm="employee",
            allowed_roles=allowed,
            version=entry["version"],
        )
        assert entry["allowed_roles"] == allowed
        assert reach(enter(identity, "e1001@example.org")) == reached
    refusal = identity.refused(
        employees.set_portal_entry, admin, realm="employee", allowed_roles=["boss"], version=entry["version"]
    )
    assert (refusal.code, refusal.field) == ("invalid_request", "allowed_roles")
    assert len(identity.audit("portal_entry.changed")) == 3


@pytest.mark.seed("S2-130")
def test_people_edit_what_the_portal_lets_them_and_nothing_else(identity):
    admin = identity.admin()
    employee = an_employee(identity, admin, "1001")
    an_account(identity, admin, employee["id"], "portal_user")
    caller = enter(identity, "e1001@example.org")
    mine = identity.call(people_contract.get_my_settings, caller)
    assert sorted(mine["editable_fields"]) == sorted(employees.EDITABLE_FIELDS)
    edited = identity.call(
        people_contract.edit_my_settings, caller, mobile_phone="555-0199", preferred_language="Dutch"
    )
    assert (edited["mobile_phone"], edited["preferred_language"]) == ("555-0199", "Dutch")
    for zone in ("Mars/Olympus", "America", "../etc/passwd"):
        odd = identity.refused(people_contract.edit_my_settings, caller, preferred_time_zone=zone)
        assert (odd.code, odd.field) == ("invalid_request", "preferred_time_zone")
    for zone in ("Europe/Berlin", None):
        mine = identity.call(people_contract.edit_my_settings, caller, preferred_time_zone=zone)
        assert mine["preferred_time_zone"] == zone
        assert identity.call(passports.describe_me, caller)["time_zone"] == zone  # pages show times in it
    identity.call(
        employees.set_portal_entry, admin, realm="employee", editable_fields=["home_phone"], version=1
    )
    refusal = identity.refused(
        people_contract.edit_my_settings, caller, home_phone="555-0111", mobile_phone="555-0123"
    )
    assert (refusal.code, refusal.field) == ("field_not_editable", "mobile_phone")
    assert identity.call(people_contract.get_my_settings, caller)["home_phone"] is None
    assert (
        identity.call(people_contract.edit_my_settings, caller, home_phone="555-0111")["home_phone"]
        == "555-0111"
    )
    changes = [row.facts["members"] for row in identity.audit("person.changed")]
    zone = ["preferred_time_zone"]
    assert changes == [["mobile_phone", "preferred_language"], zone, zone, ["home_phone"]]


@pytest.mark.seed("S2-130")
def test_where_changes_are_requests_nothing_is_saved_before_it_is_accepted(identity):
    admin = identity.admin()
    employee = an_employee(identity, admin, "1001")
    an_account(identity, admin, employee["id"], "portal_user")
    caller = enter(identity, "e1001@example.org")
    entry = identity.call(
        employees.set_portal_entry, admin, realm="employee", changes_are_requests=True, version=1
    )
    assert entry["changes_are_requests"]
    assert identity.call(people_contract.get_my_settings, caller)["changes_are_requests"]
    refusal = identity.refused(people_contract.edit_my_settings, caller, mobile_phone="555-0199")
    assert refusal.code == "field_not_editable"
    portals = a_service("portals", (identity.harbor.organisation_id, "harbor"))
    of = {"person_id": employee["id"], "realm": "employee"}
    told = identity.call(people_contract.describe_own_settings, portals, **of)
    assert (told["mobile_phone"], told["changes_are_requests"]) == (None, True)
    asked = {"mobile_phone": "555-0199", "preferred_pharmacy": "Corner"}
    identity.call(people_contract.accept_own_settings, portals, **of, **asked)
    mine = identity.call(people_contract.get_my_settings, caller)
    assert (mine["mobile_phone"], mine["preferred_pharmacy"]) == ("555-0199", "Corner")
    refusal = identity.refused(people_contract.accept_own_settings, admin, **of, **asked)
    assert refusal.code == "forbidden"


@pytest.mark.seed("S2-102")
def test_an_applicant_gets_a_drafted_account_that_cannot_log_in(identity):
    admin = identity.admin()
    identity.call(
        employees.set_portal_entry, admin, realm="applicant", applicant_department="Candidates", version=1
    )
    applicant = identity.call(
        employees.draft_applicant,
        a_service("portals", (identity.harbor.organisation_id, "harbor")),
        first_name="Kim",
        last_name="Reef",
        email="kim@example.org",
    )
    account = applicant["account"]
    assert (applicant["department"], account["state"], account["realm"]) == (
        "Candidates",
        "disabled",
        "applicant",
    )
    seen = identity.call(people_contract.get_person, admin, person_id=applicant["person_id"])
    assert (seen["kinds"], seen["applicant_department"]) == (["applicant"], "Candidates")
    refusal = identity.refused(
        login.log_in, organisation="harbor", realm="applicant", login=account["login"], password=PASSWORD
    )
    assert refusal.code == "credentials_refused"
    assert (
        identity.refused(accounts_contract.invite_account, admin, account_id=account["id"]).code
        == "account_disabled"
    )


@pytest.mark.seed("S2-120", "S2-121")
def test_an_account_opens_by_itself_when_an_employee_is_registered_and_sees_nothing(identity):
    admin = identity.admin()
    an_employee(identity, admin, "1000")
    [before] = identity.call(employees.list_employee_access, admin)["items"]
    assert (before["account_id"], before["role"]) == (None, None)
    assert before["missing"] == ["active_account", "self", "portal_user", "role"]
    identity.call(employees.set_portal_entry, admin, realm="employee", opens_accounts=True, version=1)
    employee = an_employee(identity, admin, "1001")
    access = identity.call(employees.get_employee_access, admin, person_id=employee["id"])
    assert access["account_id"] is not None
    assert access["missing"] == ["active_account", "self", "portal_user", "role"]
    activate(identity, access["account_id"])
    caller = enter(identity, "e1001@example.org")
    assert (reach(caller), caller.permissions) == ({}, frozenset())
    assert (
        identity.refused(people_contract.get_my_profile, caller, person_id=employee["id"]).code == "not_found"
    )
    for kind, missing in (("self", ["portal_user", "role"]), ("portal_user", [])):
        relate(identity, admin, access["account_id"], employee["id"], kind)
        seen = identity.call(employees.get_employee_access, admin, person_id=employee["id"])
        assert (seen["missing"], seen["role"]) == (missing, None if missing else "employee")
    assert set(reach(enter(identity, "e1001@example.org"))) == {employee["id"]}


def test_both_relationships_give_a_role_to_an_employee_only_and_for_themselves_only(
    identity: Identity,
) -> None:
    admin = identity.admin()
    identity.call(employees.set_portal_entry, admin, realm="employee", opens_accounts=True, version=1)
    one, two = (an_employee(identity, admin, number) for number in ("1001", "1002"))
    account_id = identity.call(employees.get_employee_access, admin, person_id=one["id"])["account_id"]
    for kind in ("self", "portal_user"):
        relate(identity, admin, account_id, two["id"], kind)
    for person in (one, two):
        assert identity.call(employees.get_employee_access, admin, person_id=person["id"])["role"] is None


@pytest.mark.seed("S2-29", "S2-83")
def test_access_is_explained_as_it_is_decided(identity):
    admin = identity.admin()
    chief, one, two = (an_employee(identity, admin, number) for number in ("1001", "1002", "1003"))
    account = an_account(identity, admin, chief["id"])
    relate(identity, admin, account["id"], one["id"], "supervisor")

    def why(person_id: str) -> tuple[bool, list[str]]:
        answer = identity.call(
            audit.explain_access,
            admin,
            account_id=account["id"],
            permission="profile.view_demographics",
            person_id=person_id,
        )
        return answer["is_allowed"], [step["name"] for step in answer["steps"] if not step["holds"]]

    assert why(chief["id"]) == why(one["id"]) == (False, ["portal_user"])
    relate(identity, admin, account["id"], chief["id"], "portal_user")
    assert why(chief["id"]) == why(one["id"]) == (True, [])
    assert why(two["id"]) == (False, ["supervisor"])
    seen = identity.call(audit.list_who_can_see, admin, person_id=one["id"])["items"]
    assert [each["by"] for each in seen if each["account_id"] == account["id"]] == ["supervisor"]


@pytest.mark.parametrize("way", ["has left", "is disabled"])
def test_a_supervisor_no_longer_sees_somebody_who_has_left(identity: Identity, way: str) -> None:
    """Also where staff have set the supervision, which no feed ends."""
    admin = identity.admin()
    chief, gone, stays = (an_employee(identity, admin, number) for number in "123")
    account = an_account(identity, admin, chief["id"], "portal_user")
    for person in (gone, stays):
        relate(identity, admin, account["id"], person["id"], "supervisor")
    token = identity.log_in("e1@example.org", realm="employee")["token"]

    def reached() -> set[str]:
        return {each["person_id"] for each in identity.caller(token).scope["profiles"]}

    assert reached() == {chief["id"], gone["id"], stays["id"]}
    if way == "has left":
        identity.call(people_contract.end_person_kind, admin, person_id=gone["id"], kind="employee")
    else:
        request = {"person_id": gone["id"], "version": gone["version"]}
        identity.call(people_contract.disable_person, admin, **request)
    assert reached() == {chief["id"], stays["id"]}
    names = identity.call(employees.list_my_employees, identity.caller(token))["items"]
    assert [each["person_id"] for each in names] == [stays["id"]]


def test_an_employee_who_has_left_signs_in_again_once_employed_again(identity: Identity) -> None:
    admin = identity.admin()
    person = an_employee(identity, admin, "1")
    an_account(identity, admin, person["id"], "portal_user")
    kind = {"person_id": person["id"], "kind": "employee"}
    identity.call(people_contract.end_person_kind, admin, **kind)
    with pytest.raises(Refused, match="credentials_refused"):
        identity.log_in("e1@example.org", realm="employee")
    later = (utc_now() + datetime.timedelta(days=1)).isoformat()
    identity.call(people_contract.start_person_kind, admin, **kind, starts_at=later)
    with pytest.raises(Refused, match="credentials_refused"):
        identity.log_in("e1@example.org", realm="employee")
    identity.call(people_contract.start_person_kind, admin, **kind)
    assert identity.log_in("e1@example.org", realm="employee")["token"]


@pytest.mark.seed("S2-14")
def test_who_stands_in_for_a_supervisor_sees_the_team_until_the_end_and_no_longer(identity):
    admin, until = identity.admin(), utc_now() + datetime.timedelta(days=10)
    boss, deputy, *team = (an_employee(identity, admin, f"200{digit}")["id"] for digit in range(4))
    chief = an_account(identity, admin, boss, "portal_user")
    an_account(identity, admin, deputy, "portal_user")
    request = {"account_id": chief["id"], "login": " E2001@example.org", "ends_at": until.isoformat()}
    refused = identity.refused(relationships.let_stand_in, admin, **request)
    assert (refused.code, refused.field) == ("not_found", "account_id")  # there is no team
    for person_id in (*team, deputy):
        relate(identity, admin, chief["id"], person_id, "supervisor")
    made = identity.call(relationships.let_stand_in, admin, **request)["items"]
    assert sorted(each["person_id"] for each in made) == sorted(team)  # nobody supervises themselves
    assert identity.call(relationships.let_stand_in, admin, **request)["items"] == made
    seen = {deputy: "employee"} | dict.fromkeys(team, "supervisor")
    assert reach(enter(identity, "e2001@example.org")) == seen
    for wrong, code in (
        ({"login": "e2000@example.org"}, "not_found"),
        ({"login": "nobody@example.org"}, "not_found"),
        ({"ends_at": "2001-01-01T00:00:00+00:00"}, "invalid_request"),
    ):
        assert identity.refused(relationships.let_stand_in, admin, **request | wrong).code == code
    with time_machine.travel(until + datetime.timedelta(seconds=1), tick=False):
        assert reach(enter(identity, "e2001@example.org")) == {deputy: "employee"}
