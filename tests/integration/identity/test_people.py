"""People, their relationships, grants that end by the clock, realms and roles as data."""

from __future__ import annotations

import datetime
import threading
from typing import Any

import pytest
import time_machine
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from services.contracts.errors import Refused
from services.contracts.identity import (
    accounts,
    credentials,
    employees,
    family,
    passports,
    realms,
    relationships,
)
from services.contracts.identity import patients as patients_contract
from services.contracts.identity import people as people_contract
from services.identity.models import Role, RolePermission
from services.identity.realms.rules import DEFAULTS, PORTAL_REALMS
from services.identity.relationships import expiry
from tests.integration.identity.conftest import Identity
from tests.integration.identity.family import OWN_PASSWORD, Desk

START = datetime.datetime(2030, 1, 1, 9, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
SECOND = datetime.timedelta(seconds=1)


@pytest.fixture
def desk(identity: Identity) -> Desk:
    return Desk(identity)


def iso(moment: datetime.datetime) -> str:
    return moment.isoformat()


# People


def test_a_person_is_added_found_changed_and_each_reading_is_noted(desk: Desk) -> None:
    person = desk.a_client(first_name="Rose", last_name="Quimby", number="A-17", date_of_birth="1941-03-05")
    assert (person["number"], person["kinds"], person["version"]) == ("A-17", ["client"], 1)
    drawn = desk.a_contact(person, last_name="Ash")
    assert drawn["number"] != "A-17"
    assert (
        desk.refused(people_contract.create_person, last_name="Q", kinds=["client"], number="A-17")
        == "number_taken"
    )

    def found(**wanted: Any) -> list[str]:
        return [line["id"] for line in desk.call(people_contract.search_people, **wanted)["items"]]

    assert found(last_name="QUIM") == [person["id"]]
    assert found(date_of_birth="1941-03-05", kind="client") == [person["id"]]
    assert found(last_name="quim", kind="contact") == []
    assert found(last_name="%") == []
    assert desk.refused(people_contract.search_people) == "invalid_request"
    listed = desk.call(people_contract.list_people, limit=1)
    assert [line["id"] for line in listed["items"]] == [drawn["id"]]
    following = desk.call(people_contract.list_people, after=listed["next"])
    assert [line["id"] for line in following["items"]] == [person["id"]]
    assert [line["id"] for line in desk.call(people_contract.list_people, number="A-17")["items"]] == [
        person["id"]
    ]
    request = {"person_id": person["id"], "city": "Harbor"}
    assert desk.refused(people_contract.edit_person, version=7, **request) == "version_conflict"
    edited = desk.call(people_contract.edit_person, version=1, **request)
    assert (edited["city"], edited["last_name"], edited["version"]) == ("Harbor", "Quimby", 2)
    (changed,) = desk.identity.audit("person.changed")
    assert changed.facts == {"members": ["city"]}
    desk.call(people_contract.get_person, person_id=person["id"])
    assert [row.object_id for row in desk.identity.audit("person.read")] == [person["id"]]


def test_what_a_person_is_has_a_beginning_and_an_end(desk: Desk) -> None:
    person = desk.a_person("applicant")
    desk.call(people_contract.end_person_kind, person_id=person["id"], kind="applicant")
    view = desk.call(people_contract.start_person_kind, person_id=person["id"], kind="employee")
    assert view["kinds"] == ["employee"]
    assert [(row["kind"], row["ends_at"] is None) for row in view["kind_history"]] == [
        ("applicant", False),
        ("employee", True),
    ]


def test_a_relationship_set_from_either_side_is_the_same(desk: Desk) -> None:
    person = desk.a_person("employee")
    account = desk.identity.an_account(password=None)
    pair = {"account_id": account["id"], "person_id": person["id"]}
    made = desk.call(relationships.set_account_relationship, kind="supervisor", **pair)
    assert (
        desk.refused(relationships.set_person_relationship, kind="supervisor", **pair)
        == "relationship_exists"
    )
    by_account = desk.call(relationships.list_relationships, account_id=account["id"])["items"]
    by_person = desk.call(relationships.list_relationships, person_id=person["id"])["items"]
    assert by_account == by_person == [made]
    assert desk.refused(relationships.list_relationships) == "invalid_request"
    ended = desk.call(relationships.end_relationship, relationship_id=made["id"])
    assert ended["ends_at"] is not None
    again = desk.call(relationships.set_person_relationship, kind="supervisor", **pair)
    assert again["id"] != made["id"]
    past = {"ends_at": iso(START - 9000 * DAY)}
    assert (
        desk.refused(relationships.set_person_relationship, kind="contact", **pair, **past)
        == "invalid_request"
    )


def test_nobody_reaches_the_profile_of_a_person_who_is_disabled(desk: Desk) -> None:
    client = desk.a_client()
    login = desk.grant(client)["login"]
    assert desk.first_sign_in(login).scope["profiles"]
    desk.call(people_contract.disable_person, version=client["version"], person_id=client["id"])
    assert desk.identity.caller(desk.sign_in(login)["token"]).scope["profiles"] == []
    assert desk.identity.audit("grant.revoked")[-1].facts["reason"] == "person_disabled"


@pytest.mark.seed("S1-40")
def test_a_person_who_is_disabled_reaches_nobody_s_profile_and_holds_no_invitation(desk: Desk) -> None:
    client, other = desk.a_client(), desk.a_client()
    daughter = desk.a_contact(client)
    desk.add_contact(other, daughter)
    desk.grant(client, daughter)
    login = desk.grant(other, daughter)["login"]
    token = desk.sign_in(login, desk.mint()["temporary_password"], new_password=OWN_PASSWORD)["token"]
    assert len(desk.identity.caller(token).scope["profiles"]) == 2
    son = desk.a_contact(client)
    invited = desk.grant(client, son)["login"]
    temporary = desk.mint()["temporary_password"]
    for person in (daughter, son):
        desk.call(people_contract.disable_person, version=person["version"], person_id=person["id"])
    with pytest.raises(Refused, match="unauthenticated"):
        desk.identity.caller(token)
    assert desk.identity.caller(desk.sign_in(login)["token"]).scope["profiles"] == []
    with pytest.raises(Refused, match="credentials_refused"):
        desk.sign_in(invited, temporary, new_password=OWN_PASSWORD)
    for person in (daughter, son):
        line = desk.contact(client, person)
        assert (line["is_disabled"], line["family_access"], line["actions"]) == (True, None, [])
    third = desk.a_client()
    pair = {"client_id": third["id"], "contact_id": son["id"], "relation": "son"}
    assert desk.refused(family.add_client_contact, **pair) == "conflict"


def test_another_name_of_a_person_is_the_name_of_the_person_s_accounts(desk: Desk) -> None:
    client = desk.a_client(first_name="Ann")
    granted = desk.grant(client)
    told = {"person_id": client["id"], "last_name": "Wharton", "email": "wharton@example.org"}
    desk.call(people_contract.edit_person, version=client["version"], **told)
    admin = desk.identity.admin()
    account = desk.identity.call(accounts.get_account, admin, account_id=granted["account_id"])
    assert (account["first_name"], account["last_name"]) == ("Ann", "Wharton")
    assert account["login"] == "wharton@example.org"


@pytest.mark.parametrize("day", ["2999-01-01", "1879-12-31", "0001-01-01"])
def test_a_date_of_birth_is_a_day_on_which_somebody_may_have_been_born(desk: Desk, day: str) -> None:
    person = desk.a_person("client", date_of_birth="1880-01-01")
    refused = (
        (people_contract.create_person, {"last_name": "Quimby", "kinds": ["client"]}),
        (people_contract.edit_person, {"person_id": person["id"], "version": 1}),
        (employees.register_applicant, {"first_name": "Ann", "last_name": "Quimby"}),
    )
    for operation, request in refused:
        refusal = desk.identity.refused(operation, desk.staff, date_of_birth=day, **request)
        assert (refusal.code, refusal.field) == ("invalid_request", "date_of_birth")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    assert desk.a_person("client", date_of_birth=today)["date_of_birth"] == today


# Grants


def test_a_grant_holds_from_its_beginning_until_its_end_by_the_clock_alone(desk: Desk) -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = desk.a_client()
        login = desk.grant(client, starts_at=iso(START + DAY), ends_at=iso(START + 2 * DAY))["login"]
        desk.first_sign_in(login)
        reached = []
        for step in (DAY - SECOND, SECOND, DAY - SECOND, SECOND):
            clock.shift(step)
            reached.append(len(desk.identity.caller(desk.sign_in(login)["token"]).scope["profiles"]))
        assert reached == [0, 1, 1, 0]
        assert desk.grant(client)["role"] == "family"  # an ended grant is no obstacle


def test_the_end_of_a_grant_is_told_a_week_before_and_when_it_has_come(desk: Desk) -> None:
    with time_machine.travel(START, tick=False) as clock:
        client, visitor = desk.a_client(), desk.a_client()
        account_id = desk.grant(client, ends_at=iso(START + 30 * DAY))["account_id"]
        desk.grant(visitor, ends_at=iso(START + 3 * DAY))
        told: list[tuple[int, int]] = []
        for days in (0, 4, 23, 24, 30, 31):
            clock.move_to(START + days * DAY)
            assert expiry.tell(desk.identity.runtime)
            events = desk.identity.events
            told.append(
                (len(events(relationships.grant_expiring)), len(events(relationships.access_revoked)))
            )
        assert told == [(0, 0), (0, 1), (1, 1), (1, 1), (1, 2), (1, 2)]
        (warning,) = desk.identity.events(relationships.grant_expiring)
        assert (warning["data"]["account_id"], warning["data"]["person_id"]) == (account_id, client["id"])
        revoked = desk.identity.events(relationships.access_revoked)[-1]["data"]
        assert (revoked["account_id"], revoked["resource_id"]) == (account_id, client["id"])
        assert {row.facts["reason"] for row in desk.identity.audit("grant.revoked")} == {"expired"}


def test_a_grant_that_is_extended_is_warned_of_again(desk: Desk) -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = desk.a_client()
        desk.grant(client, ends_at=iso(START + 30 * DAY))
        clock.shift(25 * DAY)
        expiry.tell(desk.identity.runtime)
        request = {"client_id": client["id"], "person_id": client["id"]}
        version = desk.manage(client)["version"]
        desk.call(family.change_family_access, version=version, ends_at=iso(START + 60 * DAY), **request)
        clock.move_to(START + 55 * DAY)
        expiry.tell(desk.identity.runtime)
        assert len(desk.identity.events(relationships.grant_expiring)) == 2
        version = desk.manage(client)["version"]
        desk.call(family.change_family_access, version=version, ends_at=None, **request)
        clock.move_to(START + 900 * DAY)
        expiry.tell(desk.identity.runtime)
        assert desk.manage(client)["ends_at"] is None


def test_of_many_who_add_the_same_access_at_once_one_does(either: Identity) -> None:
    desk = Desk(either)
    client = desk.a_client()
    contact = desk.a_contact(client)
    at_once, outcomes = threading.Barrier(4), []

    def add() -> None:
        at_once.wait()
        try:
            outcomes.append(desk.grant(client, contact)["role"])
        except Refused as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["access_exists"] * 3 + ["family"]
    assert len(desk.invitations()) == 1


def test_a_passport_of_a_portal_takes_few_statements_and_holds_no_right_of_the_staff(desk: Desk) -> None:
    client = desk.a_client()
    desk.grant(client, role="patient")
    token = desk.sign_in(client["email"], desk.mint()["temporary_password"], new_password=OWN_PASSWORD)[
        "token"
    ]
    statements: list[str] = []
    event.listen(
        desk.identity.database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
    )
    caller = desk.identity.caller(token)
    # Session with account, profiles with permissions, portal entry: no statement runs once per profile.
    assert len([each for each in statements if each.startswith("SELECT")]) == 3
    assert caller.permissions
    assert all(permission.partition(".")[0] == "profile" for permission in caller.permissions)
    assert desk.refused(people_contract.get_person, caller=caller, person_id=client["id"]) == "forbidden"
    assert desk.refused(realms.list_roles, caller=caller) == "forbidden"
    me = desk.identity.call(passports.describe_me, caller)
    assert (me["realm"], me["security_level"]) == ("family", None)
    assert [profile["person_id"] for profile in me["profiles"]] == [client["id"]]


# Realms and roles


@pytest.mark.seed("C1")
def test_patients_may_share_an_e_mail_and_differ_by_username_families_may_not(desk: Desk) -> None:
    """Conflict C1: the login is the e-mail or a username, as the realm has it."""
    admin = desk.identity.admin()
    patients = [desk.a_person("patient", email="shared@example.org", postal_code="02139") for _ in range(3)]
    request = {"realm": "patient", "role": "patient", "attests_email_is_private": True}
    for person, login in zip(patients, ("rose41", "fern43"), strict=False):
        account = desk.identity.call(
            people_contract.create_person_account, admin, person_id=person["id"], login=login, **request
        )
        assert account["login"] == login
        token = desk.mint()["link"].partition("#token=")[2]
        desk.identity.call(credentials.redeem_credential_link, token=token, password=OWN_PASSWORD)
        caller = desk.identity.caller(desk.sign_in(login.upper(), realm="patient")["token"])
        assert [profile["person_id"] for profile in caller.scope["profiles"]] == [person["id"]]
    taken = desk.identity.refused(
        people_contract.create_person_account, admin, person_id=patients[2]["id"], login="Rose41", **request
    )
    assert (taken.code, taken.field) == ("login_taken", "login")
    missing = desk.identity.refused(
        people_contract.create_person_account, admin, person_id=patients[2]["id"], **request
    )
    assert (missing.code, missing.field) == ("invalid_request", "login")
    for login in ("-nobody", "two words", "ab"):
        odd = desk.identity.refused(
            people_contract.create_person_account, admin, person_id=patients[2]["id"], login=login, **request
        )
        assert (odd.code, odd.field) == ("invalid_request", "login")
    first, second = (desk.a_client(email="shared@example.org") for _ in range(2))
    desk.grant(first)
    ids = {"client_id": second["id"], "person_id": second["id"], "role": "patient"}
    assert desk.refused(family.add_family_access, **ids) == "login_taken"


@pytest.mark.seed("S3-31", "S3-34")
def test_a_patients_own_account_takes_what_enabling_the_access_takes(desk: Desk) -> None:
    admin = desk.identity.admin()
    complete = {"email": "rose@example.org", "postal_code": "02139"}

    def refused(person: dict[str, Any], **changed: Any) -> tuple[str, str | None]:
        request = {"realm": "patient", "role": "patient", "login": "rose41", "attests_email_is_private": True}
        refusal = desk.identity.refused(
            people_contract.create_person_account, admin, person_id=person["id"], **(request | changed)
        )
        return refusal.code, refusal.field

    patient = desk.a_person("patient", **complete)
    assert refused(desk.a_person("patient", email=None)) == ("details_missing", "email")
    assert refused(desk.a_person("patient", email="x@example.org")) == ("details_missing", "postal_code")
    assert refused(patient, attests_email_is_private=False) == ("details_missing", "attests_email_is_private")
    assert refused(patient, email="other@example.org") == ("invalid_request", "email")
    assert refused(desk.a_person("client", **complete)) == ("not_a_patient", "person_id")
    assert refused(patient, realm="applicant") == ("invalid_request", "realm")
    assert desk.invitations() == []
    desk.identity.call(
        people_contract.create_person_account,
        admin,
        person_id=patient["id"],
        realm="patient",
        role="patient",
        login="rose41",
        attests_email_is_private=True,
    )
    access = desk.identity.call(patients_contract.get_patient_access, admin, person_id=patient["id"])
    assert (access["is_enabled"], access["attested_by"]) == (True, admin.id)
    assert [row.facts["is_attested"] for row in desk.identity.audit("patient.access_enabled")] == [True]


def test_the_settings_of_a_realm_hold_for_its_sessions_only(desk: Desk) -> None:
    admin = desk.identity.admin()
    with time_machine.travel(START, tick=False) as clock:
        client = desk.a_client()
        login = desk.grant(client)["login"]
        desk.first_sign_in(login)
        changed = desk.identity.call(
            realms.set_realm_settings,
            admin,
            version=1,
            realm="family",
            session_idle_minutes=5,
            session_absolute_hours=1,
            temporary_password_days=2,
        )
        assert (changed["version"], changed["login_id"]) == (2, "email")
        answer = desk.sign_in(login)
        assert answer["expires_at"] == iso(START + datetime.timedelta(hours=1))
        staff_token = desk.identity.log_in()["token"]
        clock.shift(datetime.timedelta(minutes=5))
        desk.identity.caller(staff_token)
        refusal = desk.identity.refused(passports.issue_passport, token=answer["token"], audience="identity")
        assert refusal.code == "unauthenticated"
        desk.grant(desk.a_client())
        assert desk.mint()["lifetime_minutes"] == 2 * 24 * 60


def test_what_a_realm_cannot_have_is_refused_with_the_field(desk: Desk) -> None:
    admin = desk.identity.admin()

    def refused(**wanted: Any) -> tuple[str, str | None]:
        refusal = desk.identity.refused(realms.set_realm_settings, admin, version=1, **wanted)
        return refusal.code, refusal.field

    assert refused(realm="family", login_id="username") == ("invalid_request", "login_id")
    assert refused(realm="staff", login_id="username") == ("invalid_request", "login_id")
    assert refused(realm="staff", allowed_networks=["somewhere"]) == ("invalid_request", "allowed_networks")
    assert refused(realm="family", temporary_password_days=0)[0] == "invalid_request"
    person = desk.a_person("patient", email="rose@example.org", postal_code="02139")
    desk.identity.call(
        people_contract.create_person_account,
        admin,
        person_id=person["id"],
        realm="patient",
        role="patient",
        login="rose41",
        attests_email_is_private=True,
    )
    assert refused(realm="patient", login_id="email") == ("realm_has_accounts", "login_id")
    stale = desk.identity.refused(
        realms.set_realm_settings, admin, version=3, realm="family", pickup_code_days=9
    )
    assert stale.code == "version_conflict"
    items = desk.identity.call(realms.list_realm_settings, admin)["items"]
    assert {item["realm"]: item["login_id"] for item in items} == {
        realm: each.login_id for realm, each in DEFAULTS.items()
    }


def test_roles_of_a_portal_are_data_and_hold_no_right_of_the_staff(desk: Desk) -> None:
    admin = desk.identity.admin()
    role = {"realm": "family", "code": "neighbour", "name": "Neighbour"}
    refusal = desk.identity.refused(realms.create_role, admin, permissions=["person.read"], **role)
    assert (refusal.code, refusal.field) == ("invalid_request", "permissions")
    made = desk.identity.call(realms.create_role, admin, permissions=["profile.view_schedule"], **role)
    taken = desk.identity.refused(realms.create_role, admin, permissions=[], **role)
    assert taken.code == "role_taken"
    client = desk.a_client()
    login = desk.grant(client, role="neighbour")["login"]
    assert desk.first_sign_in(login).permissions == {"profile.view_schedule"}
    edited = desk.identity.call(
        realms.edit_role,
        admin,
        version=made["version"],
        role_id=made["id"],
        permissions=["profile.view_documents", "profile.view_schedule"],
    )
    caller = desk.identity.caller(desk.sign_in(login)["token"])
    assert caller.permissions == {"profile.view_documents", "profile.view_schedule"}
    version = edited["version"]
    change = {"role_id": made["id"], "is_disabled": True}
    assert desk.identity.refused(realms.edit_role, admin, version=version, **change).code == "role_in_use"
    ids = {"client_id": client["id"], "person_id": client["id"]}
    desk.call(family.remove_family_access, confirm=True, **ids)
    desk.identity.call(realms.edit_role, admin, version=version, **change)
    assert desk.refused(family.add_family_access, role="neighbour", **ids) == "invalid_request"
    (changed, _) = desk.identity.audit("role.changed")
    assert changed.facts["before"] == ["profile.view_schedule"]


def test_a_right_of_the_staff_in_a_role_of_a_portal_opens_nothing(desk: Desk) -> None:
    client = desk.a_client()
    login = desk.grant(client, role="family")["login"]
    organisation_id = desk.identity.harbor.organisation_id

    def slip_in(session: Session) -> None:
        role_id = session.scalars(select(Role.id).where(Role.realm == "family", Role.code == "family")).one()
        session.add(
            RolePermission(organisation_id=organisation_id, role_id=role_id, permission="person.read")
        )
        session.commit()

    desk.identity.database.write(organisation_id, slip_in)
    caller = desk.first_sign_in(login)
    assert "profile.view_schedule" in caller.permissions
    assert not caller.may("person.read")


def test_the_administrators_role_cannot_lose_the_right_to_edit_roles(desk: Desk) -> None:
    admin = desk.identity.admin()
    roles = desk.identity.call(realms.list_roles, admin)["items"]
    role = next(each for each in roles if each["code"] == "admin")
    kept = [each for each in role["permissions"] if each != "organisation.manage"]
    refusal = desk.identity.refused(
        realms.edit_role, admin, version=role["version"], role_id=role["id"], permissions=kept
    )
    assert (refusal.code, refusal.field) == ("invalid_request", "permissions")
    assert {each["realm"] for each in roles} == PORTAL_REALMS | {"staff", "provider"}


def test_a_portal_account_has_no_security_level_to_choose(desk: Desk) -> None:
    account_id = desk.grant(desk.a_client())["account_id"]
    refusal = desk.identity.refused(
        accounts.set_security_level,
        desk.identity.admin(),
        version=1,
        account_id=account_id,
        security_level="admin",
    )
    assert refusal.code == "not_a_workforce_account"
