"""Pages to which something happens meanwhile: no network, back and reload, a second tab, news about what they show."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from deploy.journey import a_pdf
from services.chassis.database import Database
from services.identity.models import Account
from services.identity.sessions.models import LoginSession
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import enter, follow, reach, require_good, wait_for_heading
from tests.support.stack import RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

STAFF = "admin@harbor.example.org"
NOTE, ADD, ADDED = "New note", "Add the note", "The note is written."
TYPED = "document.getElementById('add_referral_note-note').value"
STALE = "!document.getElementById('stale').hidden"


@dataclass
class Desk(Console):
    """A ReferralQ with a program, and a browser in which staff is signed in."""

    queue: dict[str, Any]
    program: dict[str, Any]

    def refer(self, last_name: str) -> str:
        """The id of a new referral."""
        record = self.api.post("/v1/contact-records", first_name="Rosalind", last_name=last_name)
        given = {"queue_id": self.queue["id"], "program_id": self.program["id"]}
        return str(self.api.post("/v1/referrals", contact_record_id=record["id"], **given)["id"])

    def end_sessions(self, login: str) -> None:
        """Let all that this account has begun be over, as after a time without use."""
        owner = select(Account.id).where(Account.login == login).scalar_subquery()
        past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
        ended = update(LoginSession).where(LoginSession.account_id == owner).values(expires_at=past)
        database = Database(self.portico.stack.database_url("identity"))
        try:
            database.write(None, lambda session: session.execute(ended))
        finally:
            database.close()

    def notes(self, referral_id: str) -> list[str]:
        """The notes on a referral, as the API has them, oldest first."""
        history = self.api.get(f"/v1/referrals/{referral_id}/history")["items"]
        return [line["note"] for line in history if line["kind"] == "note"]


@pytest.fixture(scope="module")
def office(portico: RunningStack, chromium: Browser) -> Desk:
    journey = portico.journey()
    program = journey.find_program("Night Shelter")
    queue = portico.admin.post("/v1/queues", name="Interrupted housing")
    portico.admin.put(f"/v1/queues/{queue['id']}/programs/{program['id']}")
    journey.set_capacity(program, 60)
    return Desk(portico, chromium, queue, program)


@pytest.fixture
def desk(office: Desk) -> Desk:
    office.sign_in(STAFF)
    return office


def test_without_a_network_nothing_is_sent_and_what_was_typed_goes_once_it_is_back(desk: Desk) -> None:
    browser, referral = desk.browser, desk.refer("Tunnelled")
    desk.show(f"/staff/referrals/{referral}")
    enter(browser, NOTE, "Written in a tunnel.")
    browser.cut_network()
    follow(browser, ADD)
    browser.wait_for("document.activeElement.id === 'offline'")
    require_good(browser)
    assert "No network: nothing was sent" in browser.text
    assert browser.evaluate(TYPED) == "Written in a tunnel."
    browser.cut_network(is_cut=False)
    browser.wait_for("document.getElementById('offline').hidden")
    assert desk.notes(referral) == []
    desk.sends(ADD, ADDED)
    assert desk.notes(referral) == ["Written in a tunnel."]


def test_while_the_service_is_away_what_was_typed_stays_and_is_written_once(desk: Desk) -> None:
    browser, referral, supervisor = desk.browser, desk.refer("Outage"), desk.portico.stack.supervisor
    desk.show(f"/staff/referrals/{referral}")
    enter(browser, NOTE, "Written while it was away.")
    supervisor.stop("referrals")
    try:
        follow(browser, ADD)
        browser.wait_for_text("This was not confirmed")
        require_good(browser)
        assert "Written while it was away." in browser.text
    finally:
        supervisor.start("referrals")
        supervisor.wait_ready(60, ["referrals"])
    desk.sends("Send it once more", ADDED)
    assert desk.notes(referral) == ["Written while it was away."]


def test_back_forward_and_reload_after_a_write_make_no_second_one(desk: Desk) -> None:
    browser, referral = desk.browser, desk.refer("Backandforth")
    desk.show("/staff/referrals")
    desk.show(f"/staff/referrals/{referral}")
    enter(browser, NOTE, "Once only.")
    desk.sends(ADD, ADDED)
    for move in ("history.back()", "history.forward()", "location.reload()"):
        browser.evaluate(f"document.body.dataset.left = ''; setTimeout(() => {move}, 0)")
        browser.wait_for("!('left' in document.body.dataset) && document.readyState === 'complete'")
    assert browser.path.partition("?")[0] == f"/staff/referrals/{referral}"
    assert "Once only." in browser.text
    assert desk.notes(referral) == ["Once only."]


LAPSES = ("sent", "sent without scripts", "noticed by the page")


@pytest.mark.parametrize("lapse", LAPSES)
def test_what_was_typed_beside_a_file_outlasts_the_session(office: Desk, tmp_path: Path, lapse: str) -> None:
    browser, login = office.browser, f"lapsed.{LAPSES.index(lapse)}@harbor.example.org"
    title, file = f"Typed before, {lapse}", tmp_path / "plan.pdf"
    file.write_bytes(a_pdf("Plan"))
    office.portico.create_staff(login, "admin")
    office.sign_in(login)
    if lapse == "sent without scripts":
        browser.send("Emulation.setScriptExecutionDisabled", value=True)
    office.open("/staff/documents/send?way=fax", "Send a document")
    enter(browser, "Name of the signer", "Dr Grey")
    enter(browser, "Fax number", "(415) 555-0177")
    enter(browser, "Title", title)
    browser.choose_file("send_document-file", file)
    office.end_sessions(login)
    if lapse == "noticed by the page":
        browser.evaluate("document.getElementById('session-stay').click()")  # asks when the session ends
    else:
        follow(browser, "Send")
    browser.wait_for_text("What you typed is kept: sign in again")
    assert title not in browser.evaluate("document.documentElement.outerHTML")
    require_good(browser)
    enter(browser, "E-mail address or username", login)
    enter(browser, "Password", office.portico.password_of(login))
    browser.press("Enter")
    if lapse == "sent without scripts":
        browser.wait_for_text("You are signed in again")
        follow(browser, "Show what I typed")
    wait_for_heading(browser, "Send a document")
    typed = (
        "['title', 'addressee', 'fax_number'].map(it => document.getElementById(`send_document-${it}`).value)"
    )
    assert browser.evaluate(typed) == [title, "Dr Grey", "(415) 555-0177"]
    said = "document.getElementById('send_document-file-hint').textContent"
    assert "Choose the file again" in browser.evaluate(said)
    documents = office.api.get("/v1/documents")["items"]
    assert title not in [each["title"] for each in documents]
    browser.choose_file("send_document-file", file)
    enter(browser, "Fax number once more", "415-555-0177")
    follow(browser, "Send")
    browser.wait_for_text("The document is on its way")
    documents = office.api.get("/v1/documents")["items"]
    assert [each["title"] for each in documents].count(title) == 1


def test_of_two_who_change_one_record_the_second_sees_both_values_and_decides(desk: Desk) -> None:
    browser = desk.browser
    record = desk.api.post("/v1/contact-records", first_name="Rosalind", last_name="Twotabs")
    path = f"/v1/contact-records/{record['id']}"
    desk.show(f"/staff/records/{record['id']}/edit")
    enter(browser, "First name", "Rosamund")
    headers = {"If-Match": f'"{record["version"]}"'}
    desk.api.send("PATCH", path, json={"first_name": "Rosa"}, headers=headers, expect=200)
    follow(browser, "Save")
    desk.refused("Somebody else has changed this", "Saved now: Rosa")
    field = "document.getElementById('edit_contact_record-first_name')"
    assert browser.evaluate(f"{field}.value") == "Rosamund"
    described = browser.evaluate(f"{field}.getAttribute('aria-describedby')")
    assert "edit_contact_record-first_name-saved" in described
    assert browser.text.count("Saved now:") == 1  # nobody has changed the rest
    follow(browser, "Save")
    browser.wait_for("!location.pathname.endsWith('/edit')")
    assert desk.api.get(path)["first_name"] == "Rosamund"


def test_signing_out_in_one_tab_blanks_the_other(desk: Desk) -> None:
    browser, referral = desk.browser, desk.refer("Blanked")
    desk.show(f"/staff/referrals/{referral}")
    assert "Blanked" in browser.text
    with browser.other_tab(f"{desk.portico.stack.public_url}/account/sign-out"):
        follow(browser, "Sign out")
        browser.wait_for("location.pathname === '/sign-in'")
    browser.wait_for("location.pathname === '/sign-in' && document.readyState === 'complete'", within_s=2)
    assert "Blanked" not in browser.text
    browser.evaluate("document.body.dataset.left = ''; setTimeout(() => history.back(), 0)")
    browser.wait_for("!('left' in document.body.dataset) && document.readyState === 'complete'")
    assert "Blanked" not in browser.text


def test_what_arrives_meanwhile_moves_no_row_until_it_is_asked_for(desk: Desk) -> None:
    browser = desk.browser
    first = desk.refer("Earlier")
    number = desk.api.get(f"/v1/referrals/{first}")["limited"]["contact_record_number"]
    desk.show(f"/staff/referrals?queue_id={desk.queue['id']}&is_open=true")
    rows = "[...document.querySelectorAll('main [data-row]')].map(it => it.dataset.row)"
    before = browser.evaluate(rows)
    reach(browser, number)
    focused = "document.activeElement.textContent.trim()"
    desk.refer("Later")
    browser.wait_for(STALE, within_s=5)
    require_good(browser)
    assert browser.evaluate(rows) == before
    assert browser.evaluate(focused) == number
    follow(browser, "Show what is there now")
    browser.wait_for(f"({rows}).length === {len(before) + 1}")


def test_the_start_page_counts_what_arrives_in_every_tab(desk: Desk) -> None:
    browser = desk.browser
    count = "+document.getElementById('count-open').textContent"
    desk.show("/staff")
    before = browser.evaluate(count)
    with browser.other_tab(f"{desk.portico.stack.public_url}/staff"):
        desk.refer("Counted")
        browser.wait_for(f"{count} === {before + 1}", within_s=5)
    browser.wait_for(f"{count} === {before + 1}", within_s=5)
