"""Pick-up codes: made, shown once, used once, for new and existing accounts."""

from __future__ import annotations

import concurrent.futures
import datetime

import pytest
import time_machine
from sqlalchemy import select, update

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import employees, pickup_codes, realms
from services.contracts.identity import login as login_contract
from services.contracts.identity import people as people_contract
from services.identity.models import PersonKind
from services.identity.pickup_codes.models import PickupCode
from tests.integration.identity.conftest import PASSWORD, Identity
from tests.integration.identity.employees import (
    a_line,
    an_account,
    an_employee,
    enter,
    person_of,
    reach,
    take_in,
)
from tests.support.in_process import a_service

CHOSEN = "seven quiet harbour lamps"


def a_code(identity: Identity, admin, person_id: str) -> str:
    return str(identity.call(pickup_codes.create_pickup_code, admin, person_id=person_id)["code"])


def redeem(identity: Identity, code: str, login: str = "own@example.org", **more):
    return identity.call(
        pickup_codes.redeem_pickup_code,
        **{"organisation": "harbor", "code": code, "login": login, "password": CHOSEN} | more,
    )


def refusal(identity: Identity, code: str, **more) -> Refused:
    with pytest.raises(Refused) as refused:
        redeem(identity, code, **more)
    return refused.value


def age_codes(identity: Identity, by: datetime.timedelta) -> None:
    def work(session):
        for code in session.scalars(select(PickupCode)):
            code.expires_at -= by

    identity.database.write(None, work)


@pytest.mark.seed("S2-116", "S2-118")
def test_a_code_opens_an_account_with_own_credentials_that_goes_on(identity):
    admin = identity.admin()
    take_in(identity, admin, a_line("1"), a_line("2", manager="1"), a_line("3", manager="1"))
    one, two, three = (person_of(identity, admin, number)["id"] for number in "123")
    redeem(identity, a_code(identity, admin, one).lower().replace("-", " "))
    age_codes(identity, datetime.timedelta(days=60))
    caller = enter(identity, "own@example.org", CHOSEN)
    assert reach(caller) == {one: "employee", two: "supervisor", three: "supervisor"}
    an_account(identity, admin, two, "portal_user")
    colleague = enter(identity, "e2@example.org")
    own, other = (
        identity.call(people_contract.get_my_profile, each, person_id=person_id)
        for each, person_id in ((caller, one), (colleague, two))
    )
    assert (own["permissions"], sorted(own)) == (other["permissions"], sorted(other))
    [event] = identity.events(pickup_codes.pickup_code_activated)
    assert event["data"]["person_id"] == one


@pytest.mark.seed("S2-118")
def test_a_code_is_used_once_also_by_many_at_once(either):
    admin = either.admin()
    employee = an_employee(either, admin, "1")
    code = a_code(either, admin, employee["id"])

    def attempt(number: int) -> str:
        try:
            redeem(either, code, login=f"own{number}@example.org")
        except Refused as refused:
            return refused.code
        return "opened"

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        outcomes = sorted(pool.map(attempt, range(3)))
    assert outcomes == ["opened", "pickup_code_refused", "pickup_code_refused"]
    assert refusal(either, code).code == "pickup_code_refused"
    second = either.refused(pickup_codes.create_pickup_code, admin, person_id=employee["id"])
    assert second.code == "already_active"


@pytest.mark.seed("S2-117")
def test_a_code_holds_for_the_days_that_the_realm_sets_and_is_kept_as_a_hash_only(identity):
    admin = identity.admin()
    employee = an_employee(identity, admin, "1")
    made = identity.call(pickup_codes.create_pickup_code, admin, key="once", person_id=employee["id"])
    days = (datetime.datetime.fromisoformat(made["expires_at"]) - utc_now()).total_seconds() / 86400
    assert 29.9 < days <= 30
    with identity.database.engine.connect() as connection:
        dump = "\n".join(str(line) for line in connection.connection.driver_connection.iterdump())
    assert made["code"] not in dump
    assert made["code"].replace("-", "") not in dump
    again = identity.refused(pickup_codes.create_pickup_code, admin, key="once", person_id=employee["id"])
    assert again.code == "idempotency_key_reused"
    age_codes(identity, datetime.timedelta(days=31))
    assert refusal(identity, made["code"]).code == "pickup_code_refused"
    identity.call(realms.set_realm_settings, admin, realm="employee", pickup_code_days=3, version=1)
    made = identity.call(pickup_codes.create_pickup_code, admin, person_id=employee["id"])
    days = (datetime.datetime.fromisoformat(made["expires_at"]) - utc_now()).total_seconds() / 86400
    assert 2.9 < days <= 3


def states(identity: Identity, *wanted: str) -> list[int]:
    """The numbers of codes in these states."""
    admin = identity.admin()
    found = [identity.call(pickup_codes.list_pickup_codes, admin, state=state)["items"] for state in wanted]
    assert all(each["state"] == state for state, items in zip(wanted, found, strict=True) for each in items)
    return [len(items) for items in found]


@pytest.mark.seed("S2-117")
def test_a_new_code_voids_the_old_one_and_the_report_shows_when_codes_were_made_and_used(identity):
    admin = identity.admin()
    employee = an_employee(identity, admin, "1")
    old, new = a_code(identity, admin, employee["id"]), a_code(identity, admin, employee["id"])
    refused = refusal(identity, old)
    unknown = refusal(identity, "AAAA-BBBB-CCCC-DDDD", organisation="nowhere")
    assert (refused.code, refused.detail) == (unknown.code, unknown.detail)
    assert len(identity.audit("pickup_code.refused")) == 2
    redeem(identity, new)
    report = identity.call(pickup_codes.list_pickup_codes, admin, limit=1)
    [latest] = report["items"]
    assert (latest["state"], latest["activated_at"] is not None, "code" in latest) == (
        "activated",
        True,
        False,
    )
    [earlier] = identity.call(pickup_codes.list_pickup_codes, admin, after=report["next"])["items"]
    assert (earlier["state"], earlier["activated_at"]) == ("void", None)
    assert (earlier["person_number"], earlier["person_name"]) == ("1", "Robin Quay")
    a_code(identity, admin, an_employee(identity, admin, "2")["id"])
    assert states(identity, "activated", "void", "open", "expired") == [1, 1, 1, 0]
    with time_machine.travel(utc_now() + datetime.timedelta(days=31), tick=False):
        assert states(identity, "activated", "void", "open", "expired") == [1, 1, 0, 1]


@pytest.mark.seed("S2-116")
def test_a_refused_password_or_a_taken_login_leaves_the_code_usable(identity):
    admin = identity.admin()
    employee, other = an_employee(identity, admin, "1"), an_employee(identity, admin, "2")
    an_account(identity, admin, other["id"], "portal_user")
    code = a_code(identity, admin, employee["id"])
    assert refusal(identity, code, password="short").code == "password_refused"
    assert refusal(identity, code, login="no address").field == "login"
    taken = refusal(identity, code, login="e2@example.org")
    assert (taken.code, taken.field) == ("login_taken", "login")
    redeem(identity, code)
    assert refusal(identity, code).code == "pickup_code_refused"
    login = {"organisation": "harbor", "realm": "employee", "login": "own@example.org"}
    assert identity.refused(login_contract.log_in, **login, password=PASSWORD).code == "credentials_refused"


@pytest.mark.seed("S2-116")
def test_where_employees_have_usernames_a_code_takes_only_a_valid_one(identity):
    admin = identity.admin()
    identity.call(realms.set_realm_settings, admin, realm="employee", login_id="username", version=1)
    code = a_code(identity, admin, an_employee(identity, admin, "1")["id"])
    for login in ("two words", "-none", "ab", "line\nbreak"):
        refused = refusal(identity, code, login=login)
        assert (refused.code, refused.field) == ("invalid_request", "login")
    redeem(identity, code, login="Pat.Quill")
    assert identity.log_in("pat.quill", CHOSEN, realm="employee")["account"]["login"] == "pat.quill"


@pytest.mark.seed("S2-117", "S2-120")
def test_a_code_takes_over_the_account_that_opened_by_itself(identity):
    admin = identity.admin()
    identity.call(employees.set_portal_entry, admin, realm="employee", opens_accounts=True, version=1)
    employee = an_employee(identity, admin, "1")
    redeem(identity, a_code(identity, admin, employee["id"]))
    [access] = identity.call(employees.list_employee_access, admin)["items"]
    assert access["missing"] == []
    assert reach(enter(identity, "own@example.org", CHOSEN)) == {employee["id"]: "employee"}


def test_a_code_opens_nothing_for_who_has_left_or_has_an_account_in_use(identity):
    admin = identity.admin()
    leaver, holder = an_employee(identity, admin, "1"), an_employee(identity, admin, "2")
    codes = [a_code(identity, admin, person["id"]) for person in (leaver, holder)]
    an_account(identity, admin, holder["id"])

    def leave(session):
        session.execute(
            update(PersonKind).where(PersonKind.person_id == leaver["id"]).values(ends_at=utc_now())
        )

    identity.database.write(None, leave)
    for code in codes:
        assert refusal(identity, code).code == "pickup_code_refused"
    assert identity.events(pickup_codes.pickup_code_activated) == []


@pytest.mark.seed("S2-114", "S2-115")
def test_who_has_no_single_sign_on_gets_what_other_employees_have(identity):
    """An employee of the feed, one of a contractor, and a visitor whom staff have entered."""
    admin = identity.admin()
    take_in(identity, admin, a_line("1"), a_line("2", employer="Quay Contractors"), a_line("9"))
    entered = an_employee(identity, admin, "V-3")
    an_account(identity, admin, person_of(identity, admin, "9")["id"], "portal_user")
    usual = enter(identity, "e9@example.org")
    people = [person_of(identity, admin, "1"), person_of(identity, admin, "2"), entered]
    employers = ("Harbor County", "Quay Contractors", None)
    for number, (person, employer) in enumerate(zip(people, employers, strict=True)):
        redeem(identity, a_code(identity, admin, person["id"]), login=f"own{number}@example.org")
        caller = enter(identity, f"own{number}@example.org", CHOSEN)
        assert (caller.realm, caller.permissions) == ("employee", usual.permissions)
        assert sorted(caller.scope) == sorted(usual.scope)
        assert reach(caller) == {person["id"]: "employee"}
        access = identity.call(employees.get_employee_access, admin, person_id=person["id"])
        assert (access["role"], access["missing"], access["employer"]) == ("employee", [], employer)
        profiles = [
            identity.call(people_contract.get_my_profile, each, person_id=next(iter(reach(each))))
            for each in (caller, usual)
        ]
        assert profiles[0]["permissions"] == profiles[1]["permissions"] != []


@pytest.mark.seed("S2-114")
def test_only_employees_get_a_code(identity):
    admin = identity.admin()
    person = identity.call(people_contract.create_person, admin, last_name="Quay", kinds=["patient"])
    refused = identity.refused(pickup_codes.create_pickup_code, admin, person_id=person["id"])
    assert refused.code == "not_an_employee"


def send(identity: Identity, admin, person_id: str) -> str:
    return str(identity.call(pickup_codes.send_pickup_code, admin, person_id=person_id)["id"])


def mint(identity: Identity, code_id: str, organisation=None):
    organisation = organisation or identity.harbor
    caller = a_service("notifications", (organisation.organisation_id, organisation.organisation_key))
    return identity.call(pickup_codes.mint_pickup_code, caller, code_id=code_id)


@pytest.mark.seed("S2-117")
def test_a_code_is_also_sent_by_mail_and_made_only_when_the_message_is_rendered(identity):
    admin = identity.admin()
    employee = an_employee(identity, admin, "1")
    shown = a_code(identity, admin, employee["id"])
    code_id = send(identity, admin, employee["id"])
    assert refusal(identity, shown).code == "pickup_code_refused", "the one before is void"
    [event] = identity.events(pickup_codes.pickup_code_requested)
    assert event["data"] == {"code_id": code_id, "person_id": employee["id"]}

    with time_machine.travel(utc_now() + datetime.timedelta(days=2), tick=False):
        first = mint(identity, code_id)
        message = mint(identity, code_id)
        assert (message["email"], message["lifetime_minutes"]) == ("e1@example.org", 30 * 24 * 60)
        [listed] = identity.call(pickup_codes.list_pickup_codes, identity.admin(), person_id=employee["id"])[
            "items"
        ][:1]
        expected = utc_now() + datetime.timedelta(days=30)
        assert datetime.datetime.fromisoformat(listed["expires_at"]) == expected, "counted from the sending"
        assert refusal(identity, first["code"]).code == "pickup_code_refused", "the last message counts"
        redeem(identity, message["code"])
    kept = str([row.facts for row in identity.audit()]) + str(identity.events())
    assert message["code"] not in kept
    assert "e1@example.org" not in kept
    with pytest.raises(Refused, match="not_found"):
        mint(identity, code_id)


def test_no_code_is_mailed_without_an_address_or_once_it_is_void(identity):
    admin = identity.admin()
    take_in(identity, admin, a_line("1"), a_line("2", email=""))
    one, two = (person_of(identity, admin, number)["id"] for number in "12")
    missing = identity.refused(pickup_codes.send_pickup_code, admin, person_id=two)
    assert (missing.code, missing.field) == ("details_missing", "email")
    replaced = send(identity, admin, one)
    a_code(identity, admin, one)
    elsewhere = identity.an_organisation("bayside")
    waiting = send(identity, admin, one)
    for code_id, organisation in ((replaced, None), (waiting, elsewhere), ("9" * 32, None)):
        with pytest.raises(Refused, match="not_found"):
            mint(identity, code_id, organisation)
    take_in(identity, admin, a_line("2"))  # the first one has left
    with pytest.raises(Refused, match="not_found"):
        mint(identity, waiting)


@pytest.mark.seed("S2-117")
def test_codes_are_sent_to_many_and_those_to_whom_none_can_be_sent_are_named(identity):
    admin = identity.admin()
    take_in(identity, admin, a_line("1"), a_line("2", email=""), a_line("3"), a_line("4"))
    one, two, three, four = (person_of(identity, admin, number)["id"] for number in "1234")
    redeem(identity, a_code(identity, admin, three))
    gone = "9" * 32
    identity.an_organisation("bayside")
    foreign = an_employee(identity, identity.admin("bayside"), "1")["id"]
    answer = identity.call(
        pickup_codes.send_pickup_codes, admin, person_ids=[one, two, three, four, four, gone, foreign]
    )
    assert answer["sent"] == 2
    assert {(each["person_id"], each["person_number"], each["reason"]) for each in answer["not_sent"]} == {
        (two, "2", "details_missing"),
        (three, "3", "already_active"),
        (gone, None, "not_found"),
        (foreign, None, "not_found"),
    }
    sent = {event["data"]["person_id"] for event in identity.events(pickup_codes.pickup_code_requested)}
    assert sent == {one, four}
    refused = identity.refused(pickup_codes.send_pickup_codes, admin, person_ids=[])
    assert (refused.code, "Tick between 1 and 25 employees." in str(refused.more)) == (
        "invalid_request",
        True,
    )
