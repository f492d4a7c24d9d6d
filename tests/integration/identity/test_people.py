"""People, their kinds and their accounts."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from sqlalchemy import event

from services.contracts.errors import Refused
from services.contracts.identity import (
    accounts,
    credentials,
    employees,
    family,
    passports,
    realms,
)
from services.contracts.identity import patients as patients_contract
from services.contracts.identity import people as people_contract
from tests.integration.identity.conftest import Identity
from tests.integration.identity.family import OWN_PASSWORD, Desk
from tests.support.names import FOUND_BY, FOUND_BY_NOTHING


@pytest.fixture
def desk(identity: Identity) -> Desk:
    return Desk(identity)


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
    assert found(number="A-17") == [person["id"]]
    assert found(number="A-1") == []
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
    assert not desk.identity.holds(token)
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


# Accounts of people


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


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Østby", "Østby"),
        ("Østby", "ostby"),
        ("Петров", "петров"),
        ("Łukasz", "Łuk"),
        ("Mu\u0308ller", "M\u00fcller"),
        ("O\u2019Brien", "O'Brien"),
        ("\u200f\u0643\u0631\u064a\u0645", "\u0643\u0631\u064a\u0645"),
    ],
)
def test_people_are_found_in_any_spelling_of_the_same_letters(
    either: Identity, stored: str, typed: str
) -> None:
    desk = Desk(either)
    person = desk.a_person("client", first_name=stored, last_name=stored)
    desk.a_person("client", first_name="Zoe", last_name="Zimmer")
    for wanted in ({"last_name": typed}, {"first_name": typed}, {"first_name": typed, "last_name": typed}):
        found = desk.call(people_contract.search_people, **wanted)["items"]
        assert [each["id"] for each in found] == [person["id"]]
    assert desk.call(people_contract.search_people, last_name="...")["items"] == []


def test_people_are_found_by_each_word_of_their_names(either: Identity) -> None:
    desk = Desk(either)
    made = {
        names: desk.a_person("client", first_name=names[0], last_name=names[1])["id"] for names in FOUND_BY
    }

    def found(**wanted: str) -> list[str]:
        return [each["id"] for each in desk.call(people_contract.search_people, **wanted)["items"]]

    for names, person_id in made.items():
        first, last = names
        for wanted in (last, last.split()[-1], last.replace("-", " ").split()[-1]):
            assert (wanted, found(last_name=wanted)) == (wanted, [person_id])
            assert found(first_name=first, last_name=wanted) == [person_id]
        assert found(first_name=last) == ([person_id] if last in ("王小", "김", "李小虎") else [])
    # A name that is written together is found whichever of its parts is taken for the first name.
    tiger = made["Mai", "李小虎"]
    for wanted in ({"first_name": "小虎", "last_name": "李"}, {"first_name": "李", "last_name": "小虎"}):
        assert found(**wanted) == [tiger]
    for typed in FOUND_BY_NOTHING:
        assert found(last_name=typed) == []
    lynx = made["Tom", "Smith-Jones"]
    desk.call(people_contract.edit_person, version=1, person_id=lynx, last_name="Smith-Lynx")
    assert (found(last_name="jones"), found(last_name="lynx"), found(last_name="lynx", first_name="t")) == (
        [],
        [lynx],
        [lynx],
    )
    either.an_organisation("bayside")
    stranger = either.admin("bayside")
    assert either.call(people_contract.search_people, stranger, last_name="lynx")["items"] == []


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("+49 30 12345678", ("030 12345678", "0049 (30) 1234-5678", "+493012345678", "49 30 12345678")),
        ("030 12345678", ("+49 30 12345678", "0049 30 12345678", "30 12345678")),
        ("0049 30 12345678", ("+49 30 12345678",)),
        ("+7 912 345-67-89", ("8 (912) 345-67-89", "79123456789", "912 345 67 89")),
        ("8 912 345-67-89", ("+7 912 345 67 89",)),
        ("06 20 123 4567", ("+36 20 123 4567", "0036 20 123 4567")),
        ("+44 (0)20 7946 0958", ("020 7946 0958", "(020) 7946-0958", "442079460958")),
        ("(415) 555-0100", ("+1 415 555 0100", "001 415 555 0100", "1-415-555-0100", "415.555.0100")),
    ],
)
def test_a_phone_is_found_with_and_without_the_code_of_its_country(
    identity: Identity, stored: str, typed: tuple[str, ...]
) -> None:
    desk = Desk(identity)
    person = desk.a_person("client", mobile_phone=stored)
    for other in ("+49 30 12345679", "912 345 67 80", "(415) 555-0101", "20 7946 0959", "20 123 4568"):
        desk.a_person("client", mobile_phone=other)
    for each in typed:
        items = desk.call(people_contract.search_people, phone=each)["items"]
        assert (each, [line["id"] for line in items]) == (each, [person["id"]])


def test_people_are_found_by_phone_and_postal_code(either: Identity) -> None:
    desk = Desk(either)
    numbers = {"home_phone": "(202) 555-0101", "mobile_phone": "+1 202 555 0102", "work_phone": "2025550103"}
    person = desk.a_person("client", postal_code="K1A 0B1", **numbers)
    desk.a_person("client", mobile_phone="202 555 0199", postal_code="94110-1234")

    def found(**wanted: str) -> list[str]:
        return [each["id"] for each in desk.call(people_contract.search_people, **wanted)["items"]]

    for typed in ("202-555-0101", "2025550102", "1 202 555 0103"):
        assert (typed, found(phone=typed)) == (typed, [person["id"]])
    assert found(postal_code="k1a0b1") == found(postal_code="K1A 0B1", last_name="quimby") == [person["id"]]
    assert len(found(postal_code="94110")) == 1
    assert (
        found(postal_code="94110", phone="2025550101") == found(phone="none") == found(postal_code="-") == []
    )
    desk.call(people_contract.edit_person, version=1, person_id=person["id"], mobile_phone="202 555 0177")
    assert (found(phone="2025550102"), found(phone="2025550177")) == ([], [person["id"]])


def test_people_are_listed_by_name_whatever_its_case_and_marks(either: Identity) -> None:
    desk = Desk(either)
    names = ("Zimmer", "Østby", "adams", "Quill", "Östberg")
    made = {desk.a_person("patient", first_name="Ann", last_name=name)["id"]: name for name in names}
    listed = [made[each["id"]] for each in desk.call(people_contract.list_people, limit=50)["items"]]
    assert listed == ["adams", "Östberg", "Østby", "Quill", "Zimmer"]
    edited = next(person_id for person_id, name in made.items() if name == "Zimmer")
    desk.call(people_contract.edit_person, version=1, person_id=edited, last_name="Ærø")
    first = desk.call(people_contract.list_people, limit=2)["items"]
    assert [each["last_name"] for each in first] == ["adams", "Ærø"]


def test_a_disabled_person_is_enabled_again_and_access_is_given_anew(desk: Desk) -> None:
    client = desk.a_client()
    daughter = desk.a_contact(client)
    login = desk.grant(client, daughter)["login"]
    desk.first_sign_in(login)
    off = desk.call(people_contract.disable_person, person_id=daughter["id"], version=daughter["version"])
    stale = desk.identity.refused(
        people_contract.enable_person, desk.staff, person_id=daughter["id"], version=off["version"] - 1
    )
    assert stale.code == "version_conflict"
    on = desk.call(people_contract.enable_person, person_id=daughter["id"], version=off["version"])
    assert (on["is_disabled"], on["version"]) == (False, off["version"] + 1)
    again = desk.call(people_contract.enable_person, person_id=daughter["id"], version=on["version"])
    assert again["version"] == on["version"]
    assert len(desk.identity.audit("person.enabled")) == 1
    token = desk.sign_in(login)["token"]
    assert desk.identity.caller(token).scope["profiles"] == []
    desk.grant(client, daughter)
    profiles = desk.identity.caller(token).scope["profiles"]
    assert [each["person_id"] for each in profiles] == [client["id"]]


def test_a_patient_who_is_no_longer_one_loses_the_portal_once_staff_confirm(desk: Desk) -> None:
    admin = desk.identity.admin()
    person = desk.a_person("patient", email="rose@example.org", postal_code="02139")
    whom = {"person_id": person["id"]}
    desk.identity.call(patients_contract.enable_patient_access, admin, attests_email_is_private=True, **whom)
    request = whom | {"kind": "patient"}
    assert desk.refused(people_contract.end_person_kind, **request) == "confirmation_required"
    desk.call(people_contract.end_person_kind, confirm=True, **request)
    desk.call(people_contract.start_person_kind, **request)
    assert not desk.identity.call(patients_contract.get_patient_access, admin, **whom)["is_enabled"]


def test_a_person_is_found_by_the_whole_email_in_any_spelling(desk: Desk) -> None:
    person = desk.a_client(email="Rose.Quimby@example.org")
    for typed, expected in (("rose.quimby@EXAMPLE.org", [person["id"]]), ("rose", [])):
        found = desk.call(people_contract.search_people, email=typed)["items"]
        assert [line["id"] for line in found] == expected


def test_the_accounts_of_a_person_are_listed(desk: Desk) -> None:
    client = desk.a_client(email="rose@example.org")
    reader = desk.somebody("account.read")
    assert desk.identity.call(people_contract.list_person_accounts, reader, person_id=client["id"]) == {
        "items": []
    }
    desk.call(family.add_family_access, client_id=client["id"], person_id=client["id"], role="family")
    (account,) = desk.identity.call(people_contract.list_person_accounts, reader, person_id=client["id"])[
        "items"
    ]
    assert (account["realm"], account["login"], account["state"]) == (
        "family",
        "rose@example.org",
        "invited",
    )
    refusal = desk.identity.refused(people_contract.list_person_accounts, reader, person_id="0" * 32)
    assert refusal.code == "not_found"
