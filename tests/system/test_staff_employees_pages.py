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
from tests.support.pages import enter, follow, reach, reach_field, wait_for_heading
from tests.support.stack import BAYSIDE, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{BAYSIDE}.example.org"
PASSWORD = "lantern-orchid-quarry-7"
HEADER = "employee_number,first_name,last_name,email,mobile_phone,department,manager_number,employer"
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


@pytest.mark.seed("S2-34", "S2-131", "S2-137")
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
