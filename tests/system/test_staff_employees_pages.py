"""Employees in the staff console: the HR feed, who may enter their portal, and pick-up codes, by the keyboard alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from deploy.client import Portico
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import choose, enter, follow, reach, reach_field, wait_for_heading
from tests.support.stack import BAYSIDE, RunningStack
from tests.system.test_ways_in_pages import await_link

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{BAYSIDE}.example.org"
PASSWORD = "lantern-orchid-quarry-7"
HEADER = "employee_number,first_name,last_name,email,mobile_phone,department,manager_number,employer"
# How many people's data the session that is open in the browser reaches.
PROFILES = "fetch('/v1/me').then(it => it.json()).then(it => it.profiles.length)"
UPLOAD = "Show what it would change"


@dataclass
class Office(Console):
    """The console of somebody of another organisation than other tests use: a feed names every employee."""

    @property
    def api(self) -> Portico:
        return self.portico.stranger

    def upload(self, *rows: str) -> None:
        """Choose a file of these rows and send it."""
        self.open("/staff/hr-imports", "HR feed")
        content = json.dumps("\n".join([HEADER, *rows]))
        reach(self.browser, "File")
        self.browser.evaluate(
            "(files => { files.items.add(new File(["
            + content
            + "], 'employees.csv')); document.activeElement.files = files.files })(new DataTransfer())"
        )
        follow(self.browser, UPLOAD)

    def person(self, number: str) -> dict[str, Any]:
        [line] = self.api.get(f"/v1/people?number={number}")["items"]
        return dict(self.api.get(f"/v1/people/{line['id']}"))

    def open_account(self, code: str, login: str, expect: int = 200) -> None:
        """Open an account with a pick-up code."""
        given = {"organisation": BAYSIDE, "code": code, "login": login, "password": PASSWORD}
        Portico(self.portico.url).send("POST", "/v1/pickup-codes/redeem", expect, json=given)


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Office:
    console = Office(portico, chromium)
    console.sign_in(ADMIN, at="/staff/people", organisation=BAYSIDE)
    return console


def a_row(number: str, *, email: str | None = None, phone: str = "555-0100", manager: str = "F1") -> str:
    address = f"{number.lower()}@feed.example.org" if email is None else email
    return f"{number},Pat,Feedwell {number},{address},{phone},Docks,{manager},Dock Works"


@pytest.mark.seed("S2-7", "S2-34", "S2-131", "S2-137")
def test_a_feed_is_tried_applied_and_is_the_source_of_truth(console: Office) -> None:
    browser = console.browser
    follow(browser, "Employees: who has access")
    wait_for_heading(browser, "Employees")
    follow(browser, "HR feed")
    wait_for_heading(browser, "HR feed")
    follow(browser, UPLOAD)
    browser.wait_for("document.activeElement.id === 'error-summary'")

    numbers = [f"F{number}" for number in range(1, 6)]
    console.upload(*map(a_row, numbers), a_row("F6", email="nowhere"))
    wait_for_heading(browser, "File of the HR feed")
    assert "Nothing has changed yet" in browser.text
    assert console.row("New") == "New 5"
    assert "1 row cannot be read and is left out" in browser.text
    assert console.row("Row left out").startswith("7 email Row left out")  # line, column and what to do
    assert console.row("F3").startswith("F3 New First name: Pat Last name: Feedwell F3")
    assert console.api.get("/v1/people?number=F1")["items"] == []
    follow(browser, "Apply the file")
    browser.wait_for_text("What it has changed")
    browser.wait_for("!document.querySelector('[data-refresh]')")
    assert "5 of 5" in browser.text

    chief = console.person("F1")
    code = console.api.post(f"/v1/people/{chief['id']}/pickup-codes")["code"]
    console.open_account(code, "f1@own.example.org")
    console.open(f"/staff/employees/{console.person('F2')['id']}", "Portal access of employee F2")
    # Who supervises, how the employee is known, in which relation to the employer, and why the portal is closed.
    facts = ("Employee number\nF2", "Employer\nDock Works", "Department\nDocks")
    _says(browser, "from the HR feed", *facts, "Has no active account.")
    console.open("/staff/employees?is_supervisor=true", "Employees")
    assert "May enter" in console.row("F1")
    assert console.row("F1").endswith("4")
    assert console.row("F2") == ""

    # What staff changes by hand is overwritten by the next file.
    second = console.person("F2")
    console.api.send(
        "PATCH",
        f"/v1/people/{second['id']}",
        200,
        json={"mobile_phone": "555-0199"},
        headers={"If-Match": f'"{second["version"]}"'},
    )
    console.upload(a_row("F1"), a_row("F2"))
    wait_for_heading(browser, "File of the HR feed")
    assert console.row("No longer") == "No longer employed 3"
    assert "Mobile telephone: 555-0199 → 555-0100" in console.row("F2")
    follow(browser, "Apply the file")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    assert "More than a fifth of the employees end with this file." in browser.text
    assert console.person("F5")["kinds"] == ["employee"]  # nothing is done before it is confirmed
    reach(browser, "I have checked this")
    browser.press(" ")
    follow(browser, "Apply the file")
    browser.wait_for_text("What it has changed")
    browser.wait_for("!document.querySelector('[data-refresh]')")
    assert console.person("F2")["mobile_phone"] == "555-0100"
    ended = console.person("F5")
    assert (ended["kinds"], ended["kind_history"][0]["ends_at"] is not None) == ([], True)
    console.open("/staff/hr-imports", "HR feed")
    assert console.row("Applied")


def _says(browser: Browser, *words: str) -> None:
    for each in words:
        assert each in browser.text, each


@pytest.mark.seed("S2-117", "S2-118")
def test_codes_are_handed_over_and_sent_and_the_report_tells_of_them(console: Office) -> None:
    browser = console.browser
    made = {}
    for name, email in (("Codeone", "codeone@pages.example.org"), ("Codetwo", None), ("Codethree", None)):
        given = {"first_name": "Kim", "last_name": name, "kinds": ["employee"], "email": email}
        made[name] = console.api.post("/v1/people", **given)
    console.open("/staff/employees", "Employees")
    console.pick("What is missing", "has no active account")
    follow(browser, "Filter")
    browser.wait_for(
        "location.search.includes('missing=active_account') && document.readyState === 'complete'"
    )
    follow(browser, "Send pick-up codes")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    for name in ("Codeone", "Codetwo"):
        find = f"document.querySelector('input[value=\"{made[name]['id']}\"]').focus()"
        browser.evaluate(find)
        browser.press(" ")
    follow(browser, "Send pick-up codes")
    browser.wait_for_text("1 code is on its way.")
    assert f"{made['Codetwo']['number']}: has no e-mail on file" in browser.text
    mail = console.portico.journey().await_mail(
        "codeone@pages.example.org", lambda mail: "pick-up code" in mail["text"]
    )
    assert re.search(r"Your pick-up code: \S+", mail["text"])

    other = made["Codetwo"]
    console.open(f"/staff/employees/{other['id']}", f"Portal access of employee {other['number']}")
    follow(browser, "Make a code to hand over")
    browser.wait_for_text("It is shown only now")
    code = str(browser.evaluate("document.querySelector('main .notice code').textContent"))
    third = made["Codethree"]["id"]
    console.open(f"/staff/employees/{third}", "Portal access of employee")
    assert code not in browser.text
    console.open_account(code, "codetwo@own.example.org")
    console.open_account(code, "again@own.example.org", expect=410)  # it works once
    console.open(f"/staff/employees/{other['id']}", "Portal access of employee")
    assert "May enter the employee portal" in browser.text
    assert "Make a code to hand over" not in browser.text

    console.open("/staff/pickup-codes", "Pick-up codes")
    assert "Account opened" in console.row("Codetwo")
    assert "Not used yet" in console.row("Codeone")
    assert code not in browser.text
    console.pick("State", "Account opened")
    follow(browser, "Filter")
    browser.wait_for("location.search.includes('state=activated') && document.readyState === 'complete'")
    assert console.row("Codetwo")
    assert console.row("Codeone") == ""


@pytest.mark.seed("S2-14")
def test_somebody_stands_in_for_a_supervisor_until_a_day(console: Office) -> None:
    browser, people = console.browser, {}
    for name in ("Chief", "Deputy", "Member"):
        given = {"first_name": "Kim", "last_name": name, "kinds": ["employee"]}
        people[name] = console.api.post("/v1/people", **given)["id"]
    for name in ("Chief", "Deputy"):
        code = console.api.post(f"/v1/people/{people[name]}/pickup-codes")["code"]
        console.open_account(code, f"{name.lower()}@own.example.org")
    accounts = console.api.get("/v1/accounts", realm="employee", limit=200)["items"]
    chief = next(each["id"] for each in accounts if each["login"] == "chief@own.example.org")
    console.api.post(f"/v1/people/{people['Member']}/relationships", account_id=chief, kind="supervisor")
    console.open(f"/staff/employees/{people['Chief']}", "Portal access of employee")
    follow(browser, "Let somebody stand in")
    follow(browser, "Let them stand in")
    console.refused("E-mail address or username of who stands in: this is needed.", "Until: this is needed.")
    enter(browser, "E-mail address or username of who stands in", "deputy@own.example.org")
    reach_field(browser, "Until")
    browser.evaluate("document.activeElement.value = '2099-12-31T09:00'")
    console.sends("Let them stand in", "Whoever stands in sees the team until then.")
    console.open(f"/staff/employees/{people['Deputy']}", "Portal access of employee")
    assert "Member" in browser.text
    assert "until Dec 31, 2099" in browser.text


@pytest.mark.seed("S2-83")
def test_a_supervisor_sees_an_employee_once_staff_have_related_them(console: Office) -> None:
    browser, people, login = console.browser, {}, "boss@own.example.org"
    for name in ("Bossly", "Nearly", "Farly"):
        given = {"first_name": "Kim", "last_name": name, "kinds": ["employee"]}
        people[name] = console.api.post("/v1/people", **given)
    code = console.api.post(f"/v1/people/{people['Bossly']['id']}/pickup-codes")["code"]
    console.open_account(code, login)
    console.portico.passwords[login] = PASSWORD
    for name, others in (("Nearly", ["Farly"]), ("Farly", [])):
        page = f"/staff/employees/{people[name]['id']}"
        console.sign_in(ADMIN, at=page, organisation=BAYSIDE)
        assert "No account supervises this employee." in browser.text
        console.follow("Add a supervisor", "Add a relationship of person")
        enter(browser, "Last name", "Bossly")
        browser.press("Enter")
        browser.wait_for("location.search.includes('q=') && document.readyState === 'complete'")
        console.follow(people["Bossly"]["number"], "Relate an account to person")
        console.pick("Relationship", "Supervisor of this employee")
        console.sends("Relate them", "related")
        console.open(page, "Portal access of employee")
        assert "No account supervises this employee." not in browser.text
        console.sign_in(login, realm="employee", at="/portal/supervisor/team", organisation=BAYSIDE)
        assert name in browser.text
        for other in others:
            assert other not in browser.text


@pytest.mark.seed("S2-116", "S2-120", "S2-121")
def test_a_registered_employee_gets_an_account_that_reaches_nobody_until_it_is_related(
    console: Office,
) -> None:
    browser, email = console.browser, "registered@own.example.org"
    _accounts_open_by_themselves(console)
    person_id = _an_employee_is_registered(console, email)
    _the_employee_chooses_how_to_sign_in(console, person_id, email)
    assert browser.evaluate(PROFILES) == 0  # nothing without relationships (S2-121)
    for kind in ("Self: the account is the person's own", "Portal user"):
        console.sign_in(ADMIN, at=f"/staff/employees/{person_id}", organisation=BAYSIDE)
        assert "Is not related as “Portal user”" in browser.text
        console.follow("Relate the account to the person", "Relate the account to person")
        console.pick("Relationship", kind)
        follow(browser, "Relate them")
        console.done("")
    console.open(f"/staff/employees/{person_id}", "Portal access of employee")
    assert "Is not related" not in browser.text
    console.open("/staff/realms/employee/entry", "Who may enter")
    console.tick("An employee who is registered gets an account at once")
    console.sends("Save", "saved")


@pytest.mark.seed("S2-35", "S2-36", "S2-133")
def test_employees_enter_where_their_role_and_network_are_let_in(console: Office) -> None:
    browser, email = console.browser, "let.in@own.example.org"
    given = {"first_name": "Kim", "last_name": "Letin", "kinds": ["employee"]}
    person_id = console.api.post("/v1/people", **given)["id"]
    console.open_account(console.api.post(f"/v1/people/{person_id}/pickup-codes")["code"], email)
    console.sign_in(ADMIN, at=f"/staff/employees/{person_id}", organisation=BAYSIDE)
    assert "May enter the employee portal" in browser.text  # every role may (S2-36)
    _roles_are_let_in_by_choice(console, person_id, email)
    _from_other_networks_nobody_enters(console, email)


def _accounts_open_by_themselves(console: Office) -> None:
    browser = console.browser
    console.sign_in(ADMIN, at="/staff/realms/employee/entry", organisation=BAYSIDE)
    chosen = "document.querySelectorAll('[name=allowed_roles]:checked').length"
    assert browser.evaluate(chosen) == 0  # every role, unless some are chosen (S2-36)
    assert "None ticked: every role." in browser.text
    console.tick("An employee who is registered gets an account at once")
    console.sends("Save", "saved")


def _an_employee_is_registered(console: Office, email: str) -> str:
    browser = console.browser
    console.open("/staff/people/new", "New person")
    enter(browser, "First name", "Robin")
    enter(browser, "Last name", "Registered")
    enter(browser, "E-mail", email)
    console.tick("Employee")
    console.sends("Enter", "The person is entered.")
    person_id = console.last_of_address
    console.open(f"/staff/employees/{person_id}", "Portal access of employee")
    assert console.api.get(f"/v1/employee-access/{person_id}")["account_id"]
    for words in ("Has no active account", "Is not related as “Self”", "Is not related as “Portal user”"):
        assert words in browser.text, words
    return person_id


def _the_employee_chooses_how_to_sign_in(console: Office, person_id: str, email: str) -> None:
    browser = console.browser
    account = console.api.get(f"/v1/employee-access/{person_id}")["account_id"]
    console.api.post(f"/v1/accounts/{account}/invitations", expect=202)
    link = await_link(console.portico, email)
    browser.open_page()
    console.show(link)
    wait_for_heading(browser, "Set your password for Bayside County")
    enter(browser, "New password", PASSWORD)
    browser.press("Enter")
    wait_for_heading(browser, "Your password for Bayside County is set")
    _signs_in(console, email, "Your portals")


def _signs_in(console: Office, email: str, heading: str) -> None:
    console.portico.passwords[email] = PASSWORD
    console.sign_in(email, realm="employee", at="/portal", organisation=BAYSIDE)
    wait_for_heading(console.browser, heading)


def _roles_are_let_in_by_choice(console: Office, person_id: str, email: str) -> None:
    browser, entry = console.browser, "/staff/realms/employee/entry"
    for role, is_let_in in (("Supervisor", False), ("Employee", True)):
        console.sign_in(ADMIN, at=entry, organisation=BAYSIDE)
        browser.evaluate(
            "document.querySelectorAll('[name=allowed_roles]').forEach(it => { it.checked = false })"
        )
        console.tick(role)
        console.sends("Save", "saved")
        console.open(f"/staff/employees/{person_id}", "Portal access of employee")
        assert ("The portal does not let this role in" in browser.text) is not is_let_in
        _signs_in(console, email, "Your portals")
        assert (browser.evaluate(PROFILES) > 0) is is_let_in
    console.sign_in(ADMIN, at=entry, organisation=BAYSIDE)
    console.tick("Employee")  # again every role
    console.sends("Save", "saved")


def _from_other_networks_nobody_enters(console: Office, email: str) -> None:
    browser, page = console.browser, "/staff/realms/employee"
    console.open(page, "Employee Portal")
    enter(browser, "Networks from which people may sign in", "192.0.2.0/24")
    console.sends("Save", "The settings are saved")
    browser.open_page()
    console.show(f"/sign-in?organisation={BAYSIDE}&realm=employee&return_path=/portal")
    enter(browser, "E-mail address or username", email)
    enter(browser, "Password", PASSWORD)
    browser.press("Enter")
    console.refused("wrong")  # in the words of a wrong password
    console.sign_in(ADMIN, at=page, organisation=BAYSIDE)
    enter(browser, "Networks from which people may sign in", "")
    console.sends("Save", "The settings are saved")
    _signs_in(console, email, "Your portals")


@pytest.mark.seed("S0-5")
def test_without_referralq_there_is_no_provider_portal_and_no_provider(console: Office) -> None:
    browser, page = console.browser, "/staff/organisation"
    given = {"email": "no.provider@own.example.org", "first_name": "Pat", "last_name": "Noprovider"}
    account = console.api.post("/v1/accounts", **given)
    console.sign_in(ADMIN, at=page, organisation=BAYSIDE)
    console.tick("ReferralQ")
    follow(browser, "Save the features")
    console.refused("referralq")  # the portal needs it
    console.tick("Provider portal (needs ReferralQ)")
    console.sends("Save the features", "hold at once")
    try:
        console.open(f"/staff/users/{account['id']}/level", "Security level")
        choose(browser, "Security level", "Provider Portal User")
        follow(browser, "Save")
        console.refused("switched off")
        assert console.api.get(f"/v1/accounts/{account['id']}")["realm"] == "staff"
    finally:
        console.open(page, "Organisation")
        console.tick("ReferralQ")
        console.tick("Provider portal (needs ReferralQ)")
        console.sends("Save the features", "hold at once")
    console.open(f"/staff/users/{account['id']}/level", "Security level")
    choose(browser, "Security level", "Provider Portal User")
    console.sends("Save", "The security level is saved")
